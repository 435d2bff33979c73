// Package credentialtest is an issuer of tokens for tests: a real one, on a
// listener of its own, that signs whatever it is told to.
package credentialtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/stretchr/testify/require"
)

// Audience is whom the tokens are for, if nothing else is claimed.
const Audience = "mallbots"

// Claims are those of a token.
type Claims = map[string]any

// Issuer signs tokens.
type Issuer struct {
	URL   string
	Asked atomic.Int64 // how often it was asked for its keys

	mu   sync.Mutex
	id   int
	keys []jose.JSONWebKey // public
	own  crypto.Signer     // of the last of them
	down bool
}

// NewIssuer starts an issuer that has one key.
func NewIssuer(t testing.TB) *Issuer {
	t.Helper()
	i := &Issuer{}
	i.Rotate(t)
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		i.answer(w, map[string]any{"issuer": i.URL, "jwks_uri": i.URL + "/keys"})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		i.Asked.Add(1)
		i.mu.Lock()
		set := jose.JSONWebKeySet{Keys: append([]jose.JSONWebKey(nil), i.keys...)}
		i.mu.Unlock()
		i.answer(w, set)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	i.URL = server.URL
	return i
}

func (i *Issuer) answer(w http.ResponseWriter, body any) {
	i.mu.Lock()
	down := i.down
	i.mu.Unlock()
	if down {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	_ = json.NewEncoder(w).Encode(body) // whoever asked may have gone
}

// Down makes the issuer fail, or work again.
func (i *Issuer) Down(down bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.down = down
}

// Rotate gives the issuer a new key, in place of those that it had.
func (i *Issuer) Rotate(t testing.TB) {
	t.Helper()
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.id++
	i.own = own
	i.keys = []jose.JSONWebKey{{Key: own.Public(), KeyID: strconv.Itoa(i.id), Algorithm: string(jose.ES256), Use: "sig"}}
}

// Public are the keys that the issuer shows.
func (i *Issuer) Public() []jose.JSONWebKey {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.keys
}

// Token signs a token of an hour for Audience, with claims added; nil takes one away.
func (i *Issuer) Token(t testing.TB, claims Claims) string {
	t.Helper()
	i.mu.Lock()
	own, id := i.own, i.keys[0].KeyID
	i.mu.Unlock()
	return i.Sign(t, jose.SigningKey{Algorithm: jose.ES256, Key: own}, id, claims)
}

// Sign is Token with another key.
func (i *Issuer) Sign(t testing.TB, key jose.SigningKey, id string, claims Claims) string {
	t.Helper()
	signer, err := jose.NewSigner(key, (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", id))
	require.NoError(t, err)
	now := time.Now()
	all := Claims{"iss": i.URL, "aud": Audience, "sub": "ada", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
	maps.Copy(all, claims)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	text, err := jwt.Signed(signer).Claims(all).Serialize()
	require.NoError(t, err)
	return text
}
