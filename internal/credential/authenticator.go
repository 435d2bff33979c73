package credential

import (
	"context"
	"crypto/subtle"
	"strings"
	"sync"
	"time"

	"mallbots/internal/fault"
	"mallbots/internal/identity"
	"mallbots/internal/secret"
)

// What is wrong with a credential. None of them repeats it.
var (
	ErrScheme     = fault.New(fault.Unauthenticated, "AUTHORIZATION_MALFORMED", "Authorization must be one header: Bearer, a space, and an API key or a token")
	ErrTooLong    = fault.New(fault.Unauthenticated, "TOKEN_TOO_LARGE", "a token has at most 8 KiB")
	ErrKeyUnknown = fault.New(fault.Unauthenticated, "KEY_UNKNOWN", "there is no such API key; see mallbots keys list")
	ErrKeyRevoked = fault.New(fault.Unauthenticated, "KEY_REVOKED", "the API key was revoked; use the holder's other one, or make a new one")
	ErrKeyExpired = fault.New(fault.Unauthenticated, "KEY_EXPIRED", "the API key has expired; make a new one with mallbots keys create")
	ErrNoIssuer   = fault.New(fault.Unauthenticated, "TOKEN_UNEXPECTED", "only API keys are accepted here; no issuer of tokens is configured (--oidc-issuer)")
)

// longestToken is how many bytes a credential may have.
const longestToken = 8 << 10

// rememberAtMost is how long a verified token is believed without verifying it
// again, and rememberTokens how many at a time.
const (
	rememberAtMost = 5 * time.Minute
	rememberTokens = 20_000
)

// Authenticator makes sure of who asks. Keys and Issuer may be nil: then there
// are none.
type Authenticator struct {
	Keys   *Keys
	Issuer *Issuer

	mu       sync.RWMutex
	internal map[string]identity.Principal // by hash
	recent   map[string]verified           // by hash
	before   map[string]verified           // what recent was when it was full
}

// verified is a token that was made sure of.
type verified struct {
	principal identity.Principal
	until     time.Time
}

// Authenticate returns whose the credential in the values of the header
// Authorization is. Without that header it is nobody's.
func (a *Authenticator) Authenticate(ctx context.Context, authorization []string) (identity.Principal, error) {
	if len(authorization) == 0 {
		return identity.Nobody(), nil
	}
	scheme, token, ok := strings.Cut(authorization[0], " ")
	if len(authorization) > 1 || !ok || !strings.EqualFold(scheme, "Bearer") || token == "" {
		return identity.Principal{}, ErrScheme
	}
	if len(token) > longestToken {
		return identity.Principal{}, ErrTooLong
	}
	hash := hashOf(token)
	if strings.HasPrefix(token, KeyPrefix) {
		return a.key(token, hash)
	}
	now := time.Now()
	if p, ok := a.recall(hash, now); ok {
		return p, nil
	}
	if a.Issuer == nil {
		return identity.Principal{}, ErrNoIssuer
	}
	p, expires, err := a.Issuer.Verify(ctx, token)
	if err != nil {
		return identity.Principal{}, err
	}
	if most := now.Add(rememberAtMost); expires.After(most) {
		expires = most
	}
	a.remember(hash, verified{p, expires})
	return p, nil
}

// key returns whose an API key is.
func (a *Authenticator) key(token, hash string) (identity.Principal, error) {
	a.mu.RLock()
	p, ok := a.internal[hash]
	a.mu.RUnlock()
	if ok {
		return p, nil
	}
	id, ok := idOf(token)
	if !ok || a.Keys == nil {
		return identity.Principal{}, ErrKeyUnknown
	}
	key, ok := a.Keys.find(id)
	switch {
	case !ok, subtle.ConstantTimeCompare([]byte(key.Hash), []byte(hash)) != 1:
		return identity.Principal{}, ErrKeyUnknown
	case !key.Revoked.IsZero():
		return identity.Principal{}, ErrKeyRevoked.With("%s", id)
	case !key.Live(time.Now()):
		return identity.Principal{}, ErrKeyExpired.With("%s", id)
	}
	return key.Principal(), nil
}

// Internal makes a key for a part of this process. It is kept nowhere, and ends
// with the process.
func (a *Authenticator) Internal(name string) secret.Text {
	text, key := NewKey()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.internal == nil {
		a.internal = map[string]identity.Principal{}
	}
	a.internal[key.Hash] = identity.Internal(name)
	return text
}

// recall returns whose a token is that was verified not long ago.
func (a *Authenticator) recall(hash string, now time.Time) (identity.Principal, bool) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	v, ok := a.recent[hash]
	if !ok {
		v, ok = a.before[hash]
	}
	return v.principal, ok && now.Before(v.until)
}

// remember keeps a verified token. Half of those that there may be make room at
// once, the older half: there is never more than the bound.
func (a *Authenticator) remember(hash string, v verified) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.recent == nil || len(a.recent) >= rememberTokens/2 {
		a.before, a.recent = a.recent, map[string]verified{}
	}
	a.recent[hash] = v
}
