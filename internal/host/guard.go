package host

import (
	"context"
	"errors"
	"fmt"

	"mallbots/internal/credential"
	"mallbots/internal/database"
	"mallbots/internal/identity"
)

// openGuard opens what makes sure of who asks: the API keys, and the issuer of
// tokens if there is one. A database that can not be reached is waited for.
func (p *process) openGuard(ctx context.Context) error {
	if !p.config.Security.authOn() {
		return nil
	}
	guard := &credential.Authenticator{}
	if s := p.config.Security; s.OIDCIssuer != "" {
		issuer, err := credential.NewIssuer(credential.IssuerSettings{
			URL: s.OIDCIssuer, Audience: s.OIDCAudience, RolesClaim: s.OIDCRolesClaim,
			Reserved: append(identity.Reserved(), p.linked...),
		}, p.log)
		if err != nil {
			return err
		}
		guard.Issuer = issuer
		p.readiness.add("issuer", "issuer", func(context.Context) error { return issuer.Health() })
	}
	db, err := p.readiness.await(ctx, "keys", p.log.With("part", "keys"), false, func() (database.DB, error) {
		return database.Open(ctx, p.config.keys(), credential.Migrations())
	})
	if err != nil {
		return fmt.Errorf("open the database of the API keys: %w", err)
	}
	p.keysDB = db
	if guard.Keys, err = credential.OpenKeys(ctx, db, p.log); err != nil {
		return errors.Join(err, db.Close())
	}
	p.readiness.add("keys", "keys", func(context.Context) error { return guard.Keys.Health() })
	p.guard = guard
	return nil
}

// keys is where the API keys are: nowhere else than the modules' data, if
// nothing else is said.
func (c Config) keys() database.Config {
	url := c.KeysURL
	if url == "" {
		url = c.DatabaseURL
	}
	return database.Config{Module: credential.Database, Dir: c.Data, URL: url.Reveal(), Connections: 2, Log: c.Log}
}

// authenticate is what the API asks, nil where nobody is asked.
func (p *process) authenticate() func(ctx context.Context, authorization []string) (identity.Principal, error) {
	if p.guard == nil {
		return nil
	}
	return p.guard.Authenticate
}

// keepGuard starts what keeps the keys and the issuer's fresh.
func (p *process) keepGuard(ctx context.Context) {
	if p.guard == nil {
		return
	}
	p.workers.start(ctx, "keys", p.guard.Keys.Run)
	if p.guard.Issuer != nil {
		p.workers.start(ctx, "issuer", p.guard.Issuer.Run)
	}
}
