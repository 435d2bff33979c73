package host

import (
	"context"
	"errors"

	"mallbots/internal/credential"
	"mallbots/internal/database"
)

// Migrate brings the databases of the chosen modules to the schema that this
// binary knows, and does nothing else: no broker, no listener, no loop. Where
// serving has a role of its own, this is for the role that owns the schemas.
func Migrate(ctx context.Context, config Config, linked []Module) error {
	config = config.withDefaults()
	if err := config.check(); err != nil {
		return err
	}
	modules, err := config.choose(linked)
	if err != nil {
		return err
	}
	if config.DatabaseURL == "" {
		release, err := lockData(config.Data)
		if err != nil {
			return err
		}
		defer release()
	}
	h, err := construct(ctx, config, modules) // opening a database migrates it
	if err := errors.Join(err, h.close()); err != nil {
		return err
	}
	if keys := config.keys(); keys.URL != "" || config.Security.authOn() {
		return database.Migrate(ctx, keys, credential.Migrations())
	}
	return nil
}
