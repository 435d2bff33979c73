package main

import (
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"

	"mallbots/internal/credential/credentialtest"
	"mallbots/internal/host"
	"mallbots/internal/host/hosttest"
	"mallbots/internal/identity"
)

// TestCredentialsThatDoNotCount sends each through both doors, with a request
// that its owner's would have made: it is refused by name, logged without the
// credential, and changes nothing.
func TestCredentialsThatDoNotCount(t *testing.T) {
	issuer, stranger := credentialtest.NewIssuer(t), credentialtest.NewIssuer(t)
	log := &lockedBuffer{}
	m := guardMallLogging(t, log, host.Config{Security: host.Security{OIDCIssuer: issuer.URL, OIDCAudience: credentialtest.Audience}})
	m.key(t, "service", identity.Service, "")
	admin := credentialtest.Claims{"sub": "ada", "roles": []string{"mall_admin"}}
	with := func(name string, value any) credentialtest.Claims {
		return credentialtest.Claims{"sub": "ada", "roles": []string{"mall_admin"}, name: value}
	}
	good := issuer.Token(t, admin)
	parts := strings.Split(good, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`))

	gone := m.key(t, "gone", identity.MallAdmin, "")
	id := strings.Split(gone, "_")[1]
	require.Equal(t, 200, m.Ops(t, "POST", "/keys/"+id+"/revoke", hosttest.Object{"reason": "lost"}).Status)

	rpc, _ := findMethod("POST", "/api/stores")
	body := `{"name":"Mallory","location":"Hall"}`
	for _, c := range []struct{ name, credential, code string }{
		{"nothing", "", "TOKEN_MISSING"},
		{"an expired token", issuer.Token(t, with("exp", time.Now().Add(-time.Minute).Unix())), "TOKEN_EXPIRED"},
		{"a token that never expires", issuer.Token(t, with("exp", nil)), "TOKEN_EXPIRED"},
		{"an unsigned token", parts[0] + "." + parts[1] + ".", "TOKEN_SIGNATURE"},
		{"a wrongly signed token", stranger.Token(t, with("iss", issuer.URL)), "TOKEN_SIGNATURE"},
		{"a token for another audience", issuer.Token(t, with("aud", "another shop")), "TOKEN_AUDIENCE"},
		{"a token of another issuer", issuer.Token(t, with("iss", stranger.URL)), "TOKEN_ISSUER"},
		{"a token of no algorithm", none + "." + parts[1] + ".", "TOKEN_ALGORITHM"},
		{"a token signed with a shared secret", issuer.Sign(t, jose.SigningKey{Algorithm: jose.HS256, Key: []byte(strings.Repeat("s", 32))}, "1", admin), "TOKEN_ALGORITHM"},
		{"an oversized token", issuer.Token(t, with("padding", strings.Repeat("x", 8<<10))), "TOKEN_TOO_LARGE"},
		{"a revoked key", gone, "KEY_REVOKED"},
		{"a key that nobody made", "mbk_000000000000_" + strings.Repeat("A", 43), "KEY_UNKNOWN"},
		{"a key with another end", m.keys["service"][:len(m.keys["service"])-4] + "AAAA", "KEY_UNKNOWN"},
		{"a password", "hunter2-hunter2", "TOKEN_MALFORMED"},
		{"a token without a role", issuer.Token(t, credentialtest.Claims{"sub": "ada"}), "ROLE_MISSING"},
		{"a token with another's role", issuer.Token(t, credentialtest.Claims{"sub": "ada", "roles": "customer"}), "ROLE_MISSING"},
	} {
		status, code := 401, codes.Unauthenticated
		if c.code == "ROLE_MISSING" {
			status, code = 403, codes.PermissionDenied
		}
		var headers []string
		if c.credential != "" {
			headers = []string{"Authorization", "Bearer " + c.credential}
		}
		r := m.Do(t, "POST", "/api/stores", body, headers...)
		require.Equal(t, []any{status, c.code}, []any{r.Status, r.Body["code"]}, "%s: %s", c.name, r.Text)
		if status == 401 {
			require.Equal(t, "Bearer", r.Header.Get("WWW-Authenticate"), c.name)
		}
		answer, _ := m.call(t, rpc, c.credential, m.request(t, rpc, things{}, ""))
		require.Equal(t, code, answer.Code(), "%s: %s", c.name, answer)
		require.Equal(t, c.code, reasonOf(answer.Details()), c.name)
		for _, said := range []string{r.Text, answer.String(), log.String()} {
			if len(c.credential) > 0 {
				require.NotContains(t, said, c.credential[len(c.credential)-min(20, len(c.credential)):], c.name)
			}
		}
	}
	require.Contains(t, log.String(), "reason=KEY_REVOKED")
	require.Empty(t, m.as(t, "service", "GET", "/api/stores", nil)["stores"], "nothing was changed")

	m.keys["ada"] = good
	store := m.as(t, "ada", "POST", "/api/stores", hosttest.Object{"name": "Tea", "location": "Hall"})["id"].(string)
	require.Contains(t, log.String(), "actor=ada")
	why := m.Ops(t, "GET", "/why?key="+store, nil)
	require.Contains(t, why.Text, "Created by ada", "who did it is in the events")
}

// reasonOf is the stable code in the details of an answer.
func reasonOf(details []any) string {
	for _, d := range details {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return fmt.Sprint(details...)
}

// guardMallLogging is guardMall, with every line of the log in a buffer.
func guardMallLogging(t *testing.T, log *lockedBuffer, config host.Config) *guardedMall {
	t.Helper()
	config.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return guardMall(t, config)
}
