package credential

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"mallbots/internal/fault"
)

// ErrIssuerAway is the answer while the issuer's keys are not known.
var ErrIssuerAway = fault.New(fault.Unavailable, "ISSUER_UNREACHABLE", "the keys of the issuer of tokens are not known at the moment; try again")

// How often the issuer is asked for its keys: now and then, at once for a key
// that is not known, but never more often than askAgain, whatever tokens come.
// Keys that could not be confirmed for longestTrust are no longer believed.
const (
	askEvery     = 5 * time.Minute
	askAgain     = 5 * time.Second
	askTime      = 5 * time.Second
	longestTrust = time.Hour
	largestKeys  = 1 << 20
)

// IssuerSettings say whose tokens count.
type IssuerSettings struct {
	URL        string   // of the issuer: the claim iss, and where its configuration is found
	Audience   string   // what the claim aud must contain
	RolesClaim string   // where the roles are; "roles" when empty, dots lead into objects
	Reserved   []string // subjects that nobody from outside may have
}

// Issuer is an OpenID Connect issuer, by its signing keys.
type Issuer struct {
	settings IssuerSettings
	client   *http.Client
	log      *slog.Logger
	now      func() time.Time

	asking sync.Mutex // one question at a time
	mu     sync.RWMutex
	keys   map[string]jose.JSONWebKey // by key id
	asked  time.Time
	known  time.Time // since when the keys are confirmed
	failed error
}

// NewIssuer returns an issuer. It is not asked for its keys before they are
// needed. A URL that is not https, and not on loopback, is refused.
func NewIssuer(settings IssuerSettings, log *slog.Logger) (*Issuer, error) {
	if err := trustworthy(settings.URL); err != nil {
		return nil, fmt.Errorf("issuer of tokens: %w", err)
	}
	if settings.Audience == "" {
		return nil, errors.New("issuer of tokens: the audience is not named; a token for anybody else would count")
	}
	if settings.RolesClaim == "" {
		settings.RolesClaim = "roles"
	}
	return &Issuer{settings: settings, log: log, now: time.Now, client: &http.Client{
		Timeout:       askTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// trustworthy refuses a URL whose answers anybody on the way could forge.
func trustworthy(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return fmt.Errorf("%q is not a URL such as https://login.example.com", text)
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()) {
		return nil
	}
	return fmt.Errorf("%q must begin with https", text)
}

// Run asks for the keys now and then, until ctx ends.
func (i *Issuer) Run(ctx context.Context) error {
	for {
		wait := askEvery
		if err := i.ask(ctx); err != nil && ctx.Err() == nil {
			i.log.WarnContext(ctx, "the keys of the issuer of tokens could not be had; asking again", "issuer", i.settings.URL, "error", err)
			wait = askAgain
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// Health says why tokens can not be verified, nil when they can.
func (i *Issuer) Health() error {
	i.mu.RLock()
	defer i.mu.RUnlock()
	if i.known.IsZero() || i.now().Sub(i.known) > longestTrust {
		return fmt.Errorf("the keys of %s are not known: %w", i.settings.URL, i.failed)
	}
	return nil
}

// key returns the signing key of an id, asking for it if it is new.
func (i *Issuer) key(ctx context.Context, id string) (jose.JSONWebKey, error) {
	key, known, fresh := i.look(id)
	if known && fresh {
		return key, nil
	}
	i.asking.Lock()
	if key, known, fresh = i.look(id); !(known && fresh) && i.now().Sub(i.lastAsked()) >= askAgain {
		_ = i.askLocked(ctx) // Health tells
		key, known, fresh = i.look(id)
	}
	i.asking.Unlock()
	switch {
	case !fresh:
		return key, ErrIssuerAway
	case !known:
		return key, ErrTokenSignature.With("the issuer has no such key")
	}
	return key, nil
}

func (i *Issuer) look(id string) (key jose.JSONWebKey, known, fresh bool) {
	i.mu.RLock()
	defer i.mu.RUnlock()
	key, known = i.keys[id]
	return key, known, !i.known.IsZero() && i.now().Sub(i.known) <= longestTrust
}

func (i *Issuer) lastAsked() time.Time {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return i.asked
}

// ask fetches the keys.
func (i *Issuer) ask(ctx context.Context) error {
	i.asking.Lock()
	defer i.asking.Unlock()
	return i.askLocked(ctx)
}

func (i *Issuer) askLocked(ctx context.Context) error {
	keys, err := i.fetch(ctx)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.asked, i.failed = i.now(), err
	if err == nil {
		i.keys, i.known = keys, i.now()
	}
	return err
}

// fetch reads the issuer's configuration, and the keys that it names.
func (i *Issuer) fetch(ctx context.Context) (map[string]jose.JSONWebKey, error) {
	var configuration struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := i.get(ctx, strings.TrimRight(i.settings.URL, "/")+"/.well-known/openid-configuration", &configuration); err != nil {
		return nil, err
	}
	if configuration.Issuer != i.settings.URL {
		return nil, fmt.Errorf("it calls itself %q", configuration.Issuer)
	}
	if err := trustworthy(configuration.Keys); err != nil {
		return nil, fmt.Errorf("its jwks_uri: %w", err)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := i.get(ctx, configuration.Keys, &set); err != nil {
		return nil, err
	}
	keys := map[string]jose.JSONWebKey{}
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if json.Unmarshal(raw, &key) == nil && usable(key) { // one that we can't use is for others
			keys[key.KeyID] = key
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("it has no signing keys that can be used")
	}
	return keys, nil
}

// usable reports whether a key is a public one, for signatures, of today's strength.
func usable(key jose.JSONWebKey) bool {
	if !key.Valid() || !key.IsPublic() || key.Use != "" && key.Use != "sig" {
		return false
	}
	if r, ok := key.Key.(*rsa.PublicKey); ok {
		return r.N.BitLen() >= 2048
	}
	return true
}

func (i *Issuer) get(ctx context.Context, address string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	res, err := i.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }() // it was read
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %d", address, res.StatusCode)
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, largestKeys)).Decode(into); err != nil {
		return fmt.Errorf("read %s: %w", address, err)
	}
	return nil
}
