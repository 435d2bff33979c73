package credential

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"mallbots/internal/credential/credentialtest"
	"mallbots/internal/fault"
	"mallbots/internal/identity"
)

type claims = credentialtest.Claims

var quiet = slog.New(slog.DiscardHandler)

func newIssuer(t *testing.T, at *credentialtest.Issuer) *Issuer {
	t.Helper()
	i, err := NewIssuer(IssuerSettings{URL: at.URL, Audience: credentialtest.Audience, Reserved: []string{"ordering"}}, quiet)
	require.NoError(t, err)
	return i
}

func TestATokenSaysWhoItIs(t *testing.T) {
	at := credentialtest.NewIssuer(t)
	i := newIssuer(t, at)
	p, expires, err := i.Verify(t.Context(), at.Token(t, claims{
		"sub": "auth0|ada", "roles": []string{"customer", "store_owner", "emperor"}, "mallbots_customer": "c1", "mallbots_stores": []string{"s1", "s2"},
	}))
	require.NoError(t, err)
	require.Equal(t, identity.Principal{
		Subject: "auth0|ada", Roles: []identity.Role{"customer", "store_owner"}, Customer: "c1", Stores: []string{"s1", "s2"},
	}, p)
	require.WithinDuration(t, time.Now().Add(time.Hour), expires, 5*time.Second)

	i.settings.RolesClaim = "realm_access.roles"
	p, _, err = i.Verify(t.Context(), at.Token(t, claims{"realm_access": claims{"roles": "mall_admin service"}}))
	require.NoError(t, err)
	require.Equal(t, []identity.Role{"mall_admin", "service"}, p.Roles)
	i.settings.RolesClaim = "https://mall.example.com/roles"
	p, _, err = i.Verify(t.Context(), at.Token(t, claims{"https://mall.example.com/roles": []string{"depot_staff"}}))
	require.NoError(t, err)
	require.Equal(t, []identity.Role{"depot_staff"}, p.Roles)
}

// Each is a token that must not count, and why.
func TestWhatIsNoTokenOfOursIsRefused(t *testing.T) {
	at, stranger := credentialtest.NewIssuer(t), credentialtest.NewIssuer(t)
	i := newIssuer(t, at)
	now := time.Now()
	at2048, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	public, err := json.Marshal(at.Public()[0])
	require.NoError(t, err)
	plain := func(header, payload string) string {
		return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	}
	good := at.Token(t, nil)
	parts := strings.Split(good, ".")
	mallory := claims{"iss": at.URL, "aud": "mallbots", "sub": "mallory", "exp": now.Add(time.Hour).Unix(), "roles": "mall_admin"}
	forged, err := json.Marshal(mallory)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		token string
		is    *fault.Error
	}{
		"expired":                        {at.Token(t, claims{"exp": now.Add(-31 * time.Second).Unix()}), ErrTokenExpired},
		"that never expires":             {at.Token(t, claims{"exp": nil}), ErrTokenExpired},
		"of the future":                  {at.Token(t, claims{"nbf": now.Add(time.Minute).Unix()}), ErrTokenEarly},
		"issued in the future":           {at.Token(t, claims{"iat": now.Add(time.Minute).Unix()}), ErrTokenEarly},
		"for another audience":           {at.Token(t, claims{"aud": "somebody else"}), ErrTokenAudience},
		"for nobody":                     {at.Token(t, claims{"aud": nil}), ErrTokenAudience},
		"of another issuer, by our key":  {at.Token(t, claims{"iss": stranger.URL}), ErrTokenIssuer},
		"of another issuer":              {stranger.Token(t, nil), ErrTokenSignature},
		"of another issuer, in our name": {stranger.Token(t, claims{"iss": at.URL}), ErrTokenSignature},
		"signed by another key":          {at.Sign(t, jose.SigningKey{Algorithm: jose.ES256, Key: other}, "1", mallory), ErrTokenSignature},
		"signed by a key of another id":  {at.Sign(t, jose.SigningKey{Algorithm: jose.ES256, Key: other}, "17", mallory), ErrTokenSignature},
		"of another algorithm":           {at.Sign(t, jose.SigningKey{Algorithm: jose.RS256, Key: at2048}, "1", mallory), ErrTokenAlgorithm},
		"signed with the public key":     {at.Sign(t, jose.SigningKey{Algorithm: jose.HS256, Key: public}, "1", mallory), ErrTokenAlgorithm},
		"alg none":                       {plain(`{"alg":"none","typ":"JWT"}`, string(forged)) + ".", ErrTokenAlgorithm},
		"alg None":                       {plain(`{"alg":"None"}`, string(forged)) + "." + parts[2], ErrTokenAlgorithm},
		"unsigned":                       {plain(`{"alg":"ES256","kid":"1"}`, string(forged)) + ".", ErrTokenSignature},
		"with two parts":                 {parts[0] + "." + parts[1], ErrTokenMalformed},
		"changed":                        {parts[0] + "." + base64.RawURLEncoding.EncodeToString(forged) + "." + parts[2], ErrTokenSignature},
		"no token":                       {"hunter2", ErrTokenMalformed},
		"of nobody":                      {at.Token(t, claims{"sub": nil}), ErrTokenSubject},
		"of a module":                    {at.Token(t, claims{"sub": "ordering"}), ErrTokenSubject},
		"of a key":                       {at.Token(t, claims{"sub": "key:shop"}), ErrTokenSubject},
		"with a line in its name":        {at.Token(t, claims{"sub": "a\nb"}), ErrTokenSubject},
		"with a key of its own":          {at.Sign(t, jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: other, KeyID: "9"}}, "9", mallory), ErrTokenSignature},
	} {
		_, _, err := i.Verify(t.Context(), c.token)
		require.ErrorIs(t, err, c.is, "a token %s", name)
		if len(c.token) > 20 {
			require.NotContains(t, err.Error(), c.token[:20], name)
		}
	}
	_, _, err = i.Verify(t.Context(), at.Token(t, claims{"exp": now.Add(-20 * time.Second).Unix()}))
	require.NoError(t, err, "clocks may differ by less than a minute")
}

func TestKeysFollowTheIssuer(t *testing.T) {
	at := credentialtest.NewIssuer(t)
	i := newIssuer(t, at)
	now := time.Now()
	i.now = func() time.Time { return now }
	old := at.Token(t, nil)
	_, _, err := i.Verify(t.Context(), old)
	require.NoError(t, err)
	require.EqualValues(t, 1, at.Asked.Load())

	at.Rotate(t)
	for range 20 { // not asked again so soon, whatever comes
		_, _, err = i.Verify(t.Context(), at.Token(t, nil))
		require.ErrorIs(t, err, ErrTokenSignature)
	}
	require.EqualValues(t, 1, at.Asked.Load())
	now = now.Add(askAgain)
	_, _, err = i.Verify(t.Context(), at.Token(t, nil))
	require.NoError(t, err, "a new key is asked for")
	require.EqualValues(t, 2, at.Asked.Load())
	_, _, err = i.Verify(t.Context(), old)
	require.ErrorIs(t, err, ErrTokenSignature, "a withdrawn key is forgotten")

	at.Down(true)
	now = now.Add(30 * time.Minute)
	require.Error(t, i.ask(t.Context()))
	require.NoError(t, i.Health())
	fresh := at.Token(t, claims{"iat": now.Unix(), "exp": now.Add(2 * time.Hour).Unix()})
	_, _, err = i.Verify(t.Context(), fresh)
	require.NoError(t, err, "an issuer that is away for a while is missed by nobody")
	now = now.Add(31 * time.Minute)
	_, _, err = i.Verify(t.Context(), fresh)
	require.ErrorIs(t, err, ErrIssuerAway, "but its keys are not believed for ever")
	require.ErrorContains(t, i.Health(), "502")
}

func TestAnIssuerMustBeTrustworthy(t *testing.T) {
	for _, url := range []string{"", "login.example.com", "http://login.example.com", "ftp://localhost"} {
		_, err := NewIssuer(IssuerSettings{URL: url, Audience: "a"}, quiet)
		require.Error(t, err, url)
	}
	_, err := NewIssuer(IssuerSettings{URL: "https://login.example.com"}, quiet)
	require.ErrorContains(t, err, "audience")
	at := credentialtest.NewIssuer(t)
	i := newIssuer(t, at)
	i.settings.URL += "/"
	require.ErrorContains(t, i.ask(t.Context()), "calls itself")
}

func TestWeakAndSecretKeysAreNotUsed(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Log("this Go makes no small keys:", err)
	} else {
		require.False(t, usable(jose.JSONWebKey{Key: small.Public(), KeyID: "1"}))
	}
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	require.True(t, usable(jose.JSONWebKey{Key: own.Public(), KeyID: "1"}))
	require.False(t, usable(jose.JSONWebKey{Key: own.Public(), KeyID: "1", Use: "enc"}))
	require.False(t, usable(jose.JSONWebKey{Key: own, KeyID: "1"}))
	require.False(t, usable(jose.JSONWebKey{Key: []byte("secret"), KeyID: "1"}))
}

func TestVerifiedTokensAreRememberedForAWhile(t *testing.T) {
	at := credentialtest.NewIssuer(t)
	i := newIssuer(t, at)
	a := &Authenticator{Issuer: i}
	token := at.Token(t, claims{"roles": "customer"})
	ask := func() error {
		_, err := a.Authenticate(t.Context(), []string{"Bearer " + token})
		return err
	}
	require.NoError(t, ask())
	i.settings.Audience = "nobody" // only who verifies again would see it
	require.NoError(t, ask())
	_, ok := a.recall(hashOf(token), time.Now().Add(rememberAtMost))
	require.False(t, ok, "not for ever")
	for n := range rememberTokens * 3 {
		a.remember(fmt.Sprint(n), verified{until: time.Now().Add(time.Minute)})
		require.LessOrEqual(t, len(a.recent)+len(a.before), rememberTokens)
	}
	require.ErrorIs(t, ask(), ErrTokenAudience, "and not all of them")
}

func TestWhatIsNoCredentialIsRefused(t *testing.T) {
	a := &Authenticator{}
	for _, c := range []struct {
		header []string
		is     *fault.Error
	}{
		{[]string{""}, ErrScheme},
		{[]string{"Bearer"}, ErrScheme},
		{[]string{"Bearer "}, ErrScheme},
		{[]string{"Basic YTpi"}, ErrScheme},
		{[]string{"Bearer a", "Bearer b"}, ErrScheme},
		{[]string{"Bearer " + strings.Repeat("x", longestToken+1)}, ErrTooLong},
		{[]string{"Bearer mbk_"}, ErrKeyUnknown},
		{[]string{"Bearer mbk_000000000000_AAAA"}, ErrKeyUnknown},
		{[]string{"Bearer a.b.c"}, ErrNoIssuer},
	} {
		_, err := a.Authenticate(t.Context(), c.header)
		require.ErrorIs(t, err, c.is, "%.40q", c.header)
	}
	p, err := a.Authenticate(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, identity.Nobody(), p)
	p, err = a.Authenticate(t.Context(), []string{"bearer " + a.Internal("bots").Reveal()})
	require.NoError(t, err)
	require.Equal(t, "internal:bots", p.Subject)
}

// BenchmarkAuthenticate is what a request pays for saying who asks.
func BenchmarkAuthenticate(b *testing.B) {
	at := credentialtest.NewIssuer(b)
	i, err := NewIssuer(IssuerSettings{URL: at.URL, Audience: credentialtest.Audience}, quiet)
	require.NoError(b, err)
	text, k := service("shop")
	a := &Authenticator{Issuer: i, Keys: &Keys{byID: map[string]Key{k.ID: k}}}
	for name, credential := range map[string]string{"API key": text, "token": at.Token(b, claims{"roles": "customer"})} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_, err := a.Authenticate(b.Context(), []string{"Bearer " + credential})
				require.NoError(b, err)
			}
		})
	}
}
