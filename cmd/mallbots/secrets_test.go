package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"mallbots/internal/broker/brokertest"
	"mallbots/internal/credential/credentialtest"
	"mallbots/internal/database/pgtest"
	"mallbots/internal/host/hosttest"
)

// TestNoSecretIsEverSeen plants secrets wherever a process is given some, has it
// do well and badly, and looks for them in all that it says: its log, its
// answers, its traces, its operations with the dead letters, and the errors with
// which it refuses to start.
func TestNoSecretIsEverSeen(t *testing.T) {
	const databasePassword, brokerPassword, guess = "canary-database", "canary-broker", "canary-guess-of-a-token"
	traces := &lockedBuffer{}
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(traces, r.Body)
	}))
	defer receiver.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.URL)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "50")

	server, issuer := brokertest.NewExternal(t), credentialtest.NewIssuer(t)
	p := launch(t, "--http=127.0.0.1:0", "--ops=127.0.0.1:0", "--data="+t.TempDir(), "--log-level=debug", "--auth=on", "--bots=1",
		"--oidc-issuer="+issuer.URL, "--oidc-audience="+credentialtest.Audience,
		"--database-url="+pgtest.DSN(t)+" password="+databasePassword,
		"--nats-url="+strings.Replace(server.URL(), "nats://", "nats://mall:"+brokerPassword+"@", 1))
	out, errs, code := output(t, 30*time.Second, "keys", "create", "shop", "--role=service", "--ops="+p.ops)
	require.Zero(t, code, errs)
	key := strings.TrimSpace(out)
	token := issuer.Token(t, credentialtest.Claims{"sub": "ada", "roles": "mall_admin"})
	expired := issuer.Token(t, credentialtest.Claims{"sub": "ada", "exp": 1})

	said := &bytes.Buffer{}
	ask := func(method, url, body string, headers ...string) {
		req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		for i := 0; i < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		_, err = io.Copy(said, res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
	}
	for _, credential := range []string{key, token, expired, guess, key + guess, token + guess} {
		for _, scheme := range []string{"Bearer ", "Basic ", ""} {
			ask("POST", p.url+"/api/stores", `{"name":"Tea","location":"Hall"}`, "Authorization", scheme+credential)
			ask("POST", p.url+"/mallbots.stores.v1.StoresService/CreateStore", `{"name":" "}`, "Authorization", scheme+credential)
			ask("PUT", p.url+"/api/customers/x/rename", `{`, "Authorization", scheme+credential)
			ask("GET", p.url+"/nothing", "", "Authorization", scheme+credential)
		}
	}
	conn, err := nats.Connect(server.URL())
	require.NoError(t, err)
	defer conn.Close()
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	_, err = js.PublishMsg(t.Context(), &nats.Msg{Subject: "mallbots.stores.v1.ProductAdded.p00", Data: []byte("no protobuf, no headers")})
	require.NoError(t, err)
	letters := func() string {
		before := said.Len()
		ask("GET", p.ops+"/deadletters", "")
		return said.String()[before:]
	}
	hosttest.Eventually(t, func() bool { return strings.Contains(letters(), "invalid-envelope") })
	server.Stop()
	hosttest.Eventually(t, func() bool {
		before := said.Len()
		ask("GET", p.ops+"/readyz", "")
		return strings.Contains(said.String()[before:], `"ready":false`)
	}, "what it says of a broker that is away")
	for _, path := range []string{"/keys", "/actions", "/metrics", "/lost", "/stuck", "/audit", "/debug/pprof/", "/debug/pprof/cmdline", "/debug/pprof/goroutine?debug=2"} {
		ask("GET", p.ops+path, "")
	}
	hosttest.Eventually(t, func() bool { return strings.Contains(traces.String(), "StoresService") }, "there are traces to look at")
	require.NoError(t, p.cmd.Process.Kill())

	for _, args := range [][]string{
		{"serve", "--http=127.0.0.1:0", "--ops=127.0.0.1:0", "--data=" + t.TempDir(), "--database-url=postgres://u:" + databasePassword + "@[::1/x"},
		{"serve", "--http=127.0.0.1:0", "--ops=127.0.0.1:0", "--data=" + t.TempDir(), "--database-url=postgres://u:" + databasePassword + "@h:port/x?sslmode=no"},
		{"serve", "--http=127.0.0.1:0", "--ops=127.0.0.1:0", "--data=" + t.TempDir(), "--nats-url=nats://u:" + brokerPassword + "@[::1"},
		{"migrate", "--data=" + t.TempDir(), "--database-url=password=" + databasePassword + " sslmode=no"},
		{"serve", "--data=" + t.TempDir(), "--http=0.0.0.0:0", "--database-url=postgres://u:" + databasePassword + "@h/x"},
		{"events", "tail", "--nats-url=nats://u:" + brokerPassword + "@[::1"},
		{"serve", "--help"},
	} {
		var out []byte
		for wait := 2 * time.Second; len(out) == 0 && wait < time.Minute; wait *= 2 { // some wait for what will never be there
			ctx, cancel := context.WithTimeout(t.Context(), wait)
			out, _ = program(t, ctx, args...).CombinedOutput()
			cancel()
		}
		require.NotEmpty(t, out, args)
		said.Write(out)
	}
	secrets := map[string]string{
		"the database's password": databasePassword, "the broker's password": brokerPassword, "a guess": guess,
		"a key": key[len(key)-30:], "a token": token[len(token)-30:], "an expired token": expired[len(expired)-30:],
	}
	for name, secret := range secrets {
		for where, text := range map[string]string{"the answers and errors": said.String(), "the log": p.log.String(), "the traces": traces.String()} {
			if at := strings.Index(text, secret); at >= 0 {
				require.Fail(t, "seen", "%s is in %s: …%s…", name, where, text[max(0, at-200):min(len(text), at+60)])
			}
		}
	}
}
