package host_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/credential"
	"mallbots/internal/host"
	"mallbots/internal/host/hosttest"
	"mallbots/internal/identity"
)

// startRefused is what a process says that must not start.
func startRefused(t *testing.T, http, ops string, s host.Security) string {
	t.Helper()
	config := host.Config{HTTP: http, Ops: ops, Data: t.TempDir(), Log: hosttest.Log(t), Security: s}
	err := host.Run(t.Context(), config, all[:1], func(host.Addresses) { t.Error("it got ready") })
	require.Error(t, err)
	return err.Error()
}

func TestStrangersAreNotServedByAccident(t *testing.T) {
	const local, everywhere = "127.0.0.1:0", "0.0.0.0:0"
	for _, c := range []struct {
		http, ops string
		s         host.Security
		says      string
	}{
		{everywhere, local, host.Security{}, "--http=0.0.0.0:0 can be reached by others, and nobody there is asked who they are"},
		{":0", local, host.Security{}, "nobody there is asked"},
		{"example.com:0", local, host.Security{}, "nobody there is asked"},
		{everywhere, local, host.Security{Auth: "off", InsecureNoTLS: true}, "nobody there is asked"},
		{everywhere, local, host.Security{Auth: "on"}, "what passes there can be read and changed"},
		{everywhere, local, host.Security{InsecureNoAuth: true}, "what passes there can be read and changed"},
		{local, everywhere, host.Security{}, "--ops=0.0.0.0:0 can be reached by others, and nobody there is asked"},
		{local, everywhere, host.Security{Auth: "on"}, "--ops=0.0.0.0:0 can be reached by others, and what passes there"},
		{local, local, host.Security{Auth: "maybe"}, "want on or off"},
		{local, local, host.Security{TLSCert: "x"}, "belong together"},
		{local, local, host.Security{TLSClientCA: "x"}, "needs --tls-cert"},
		{local, local, host.Security{OIDCIssuer: "https://x"}, "without --auth=on"},
		{local, local, host.Security{Auth: "on", OIDCIssuer: "https://x"}, "needs --oidc-audience"},
		{local, local, host.Security{Auth: "on", OIDCIssuer: "http://example.com", OIDCAudience: "a"}, "must begin with https"},
		{local, local, host.Security{CORSOrigins: []string{"*"}}, "is no origin"},
		{local, local, host.Security{CORSOrigins: []string{"https://shop.example.com/"}}, "is no origin"},
		{local, local, host.Security{Proxies: []string{"10.0.0.1"}}, "is no network"},
		{local, local, host.Security{RatePrincipal: -1}, "0 or more"},
		{local, local, host.Security{TLSCert: "/nowhere", TLSKey: "/nowhere"}, "read --tls-cert and --tls-key"},
	} {
		require.Contains(t, startRefused(t, c.http, c.ops, c.s), c.says)
	}
}

// withDoors runs stores behind doors of one's own, on any address.
func withDoors(t *testing.T, config host.Config) host.Addresses {
	t.Helper()
	config.Log = hosttest.Log(t)
	if config.Data == "" {
		config.Data = t.TempDir()
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ready, done := make(chan host.Addresses, 1), make(chan error, 1)
	go func() { done <- host.Run(ctx, config, all[:1], func(a host.Addresses) { ready <- a }) }()
	t.Cleanup(func() { stop(); require.NoError(t, <-done) })
	select {
	case a := <-ready:
		a.HTTP, a.Ops = strings.Replace(a.HTTP, "[::]", "127.0.0.1", 1), strings.Replace(a.Ops, "[::]", "127.0.0.1", 1)
		return a
	case err := <-done:
		done <- nil
		require.NoError(t, err)
	case <-time.After(hosttest.Patience):
		require.Fail(t, "it did not get ready")
	}
	return host.Addresses{}
}

// ask sends a request with headers, and returns the answer with its body.
func ask(t *testing.T, client *http.Client, method, url, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := client.Do(req)
	require.NoError(t, err)
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return res, string(text)
}

func TestOperationsOnANetworkAreForOperators(t *testing.T) {
	at := withDoors(t, host.Config{HTTP: "127.0.0.1:0", Ops: "0.0.0.0:0", Security: host.Security{Auth: "on", InsecureNoTLS: true}})
	get := func(path, token string) (int, string) {
		var headers []string
		if token != "" {
			headers = []string{"Authorization", "Bearer " + token}
		}
		res, text := ask(t, http.DefaultClient, "GET", at.Ops+path, "", headers...)
		return res.StatusCode, text
	}
	for _, path := range []string{"/audit", "/deadletters", "/metrics", "/debug/pprof/", "/keys", "/why?key=x", "/events", "/nothing"} {
		status, text := get(path, "")
		require.Equal(t, 401, status, "%s: %s", path, text)
		require.Contains(t, text, "MALLBOTS_TOKEN")
	}
	status, _ := get("/healthz", "")
	require.Equal(t, 200, status)
	var text string
	hosttest.Eventually(t, func() bool { status, text = get("/readyz", ""); return status == 200 })
	require.JSONEq(t, `{"ready":true,"parts":[]}`, text, "strangers are not told the parts")

	service := at.Token.Reveal() // what the bots of the process have
	status, _ = get("/metrics", service)
	require.Equal(t, 200, status)
	status, text = get("/readyz", service)
	require.Equal(t, 200, status)
	require.Contains(t, text, "stores.database")
	status, _ = get("/audit", service)
	require.Equal(t, 403, status)
}

func TestAKeyOpensOperations(t *testing.T) {
	m := hosttest.StartWith(t, host.Config{Data: t.TempDir(), Log: hosttest.Log(t), Security: host.Security{Auth: "on"}}, all[0])
	text, k := credential.NewKey()
	k.Holder, k.Roles, k.Expires = "night-watch", []identity.Role{identity.MallAdmin}, time.Now().Add(time.Hour)
	require.Equal(t, 200, m.Ops(t, "POST", "/keys", k).Status, "on loopback nobody is asked")
	r := m.Do(t, "POST", "/api/stores", hosttest.Object{"name": "Tea", "location": "Hall"}, "Authorization", "Bearer "+text.Reveal())
	require.Equal(t, 200, r.Status, r.Text)
	m.Restart(t)
	r = m.Do(t, "POST", "/api/stores", hosttest.Object{"name": "Tea", "location": "Hall"}, "Authorization", "Bearer "+text.Reveal())
	require.Equal(t, 200, r.Status, "keys outlive the process: %s", r.Text)
	require.NotContains(t, m.Ops(t, "GET", "/keys", nil).Text, k.Hash)

	off := hosttest.Start(t, all[0])
	require.Equal(t, 409, off.Ops(t, "POST", "/keys", k).Status, "where nobody is asked there are no keys")
}

func TestBrowsersAreKeptOut(t *testing.T) {
	const shop, evil = "https://shop.example.com", "https://evil.example.com"
	at := withDoors(t, host.Config{HTTP: "127.0.0.1:0", Ops: "127.0.0.1:0", Security: host.Security{CORSOrigins: []string{shop}}})
	closed := withDoors(t, host.Config{HTTP: "127.0.0.1:0", Ops: "127.0.0.1:0"})
	store := `{"name":"Tea","location":"Hall"}`

	for _, url := range []string{at.HTTP + "/api/stores", closed.HTTP + "/api/stores", at.Ops + "/projections/rebuild"} {
		res, text := ask(t, http.DefaultClient, "POST", url, store, "Origin", evil, "Sec-Fetch-Site", "cross-site")
		require.Equal(t, 403, res.StatusCode, text)
		require.Contains(t, text, "CROSS_SITE")
		res, text = ask(t, http.DefaultClient, "POST", url, store, "Host", "rebound.example.com")
		require.Equal(t, 403, res.StatusCode, text)
		require.Contains(t, text, "HOST_NOT_LOCAL")
		require.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"))
		require.Equal(t, "DENY", res.Header.Get("X-Frame-Options"))
		require.Contains(t, res.Header.Get("Content-Security-Policy"), "default-src 'none'")
	}
	res, text := ask(t, http.DefaultClient, "POST", at.HTTP+"/api/stores", store, "Origin", shop, "Sec-Fetch-Site", "cross-site")
	require.Equal(t, 200, res.StatusCode, text)
	require.Equal(t, shop, res.Header.Get("Access-Control-Allow-Origin"))
	require.Contains(t, strings.ToLower(res.Header.Get("Access-Control-Expose-Headers")), "mallbots-position")
	require.Empty(t, res.Header.Get("Access-Control-Allow-Credentials"))

	for _, c := range []struct{ url, origin, allowed string }{{at.HTTP, shop, shop}, {at.HTTP, evil, ""}, {closed.HTTP, shop, ""}} {
		res, _ := ask(t, http.DefaultClient, "OPTIONS", c.url+"/api/stores", "", "Origin", c.origin,
			"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,idempotency-key")
		require.Equal(t, c.allowed, res.Header.Get("Access-Control-Allow-Origin"), "%s of %s", c.origin, c.url)
	}
	res, _ = ask(t, http.DefaultClient, "GET", at.HTTP+"/docs", "")
	require.Contains(t, res.Header.Get("Content-Security-Policy"), "script-src 'self'", "a page has its own")
}

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         []byte
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	template.Raw = der
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &authority{parsed, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

// issue signs a certificate for 127.0.0.1, with its key, as PEM.
func (a *authority) issue(t *testing.T, name string, serial int64) (certificate, private []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.certificate, key.Public(), a.key)
	require.NoError(t, err)
	encoded, err := x509.MarshalECPrivateKey(key)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: encoded})
}

func TestTLSAndItsRenewal(t *testing.T) {
	dir, ours, strangers := t.TempDir(), newAuthority(t), newAuthority(t)
	files := host.Security{TLSCert: filepath.Join(dir, "cert.pem"), TLSKey: filepath.Join(dir, "key.pem"), TLSClientCA: filepath.Join(dir, "ca.pem"), Auth: "on"}
	write := func(serial int64) {
		certificate, key := ours.issue(t, "mall", serial)
		require.NoError(t, os.WriteFile(files.TLSKey, key, 0o600))
		require.NoError(t, os.WriteFile(files.TLSCert, certificate, 0o600))
	}
	write(10)
	require.NoError(t, os.WriteFile(files.TLSClientCA, ours.pem, 0o600))
	at := withDoors(t, host.Config{HTTP: "127.0.0.1:0", Ops: "0.0.0.0:0", Security: files})
	require.True(t, strings.HasPrefix(at.HTTP, "https://") && strings.HasPrefix(at.Ops, "https://"), "%v", at)

	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(ours.pem))
	client := func(a *authority, change func(*tls.Config)) *http.Client {
		c := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
		if a != nil {
			certificate, key := a.issue(t, "night watch", 20)
			pair, err := tls.X509KeyPair(certificate, key)
			require.NoError(t, err)
			c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
		}
		if change != nil {
			change(c)
		}
		return &http.Client{Transport: &http.Transport{TLSClientConfig: c, DisableKeepAlives: true, ForceAttemptHTTP2: true}}
	}
	watch := client(ours, nil)
	res, text := ask(t, watch, "GET", at.HTTP+"/api/stores", "")
	require.Equal(t, 200, res.StatusCode, text)
	require.Equal(t, 2, res.ProtoMajor)
	require.NotEmpty(t, res.Header.Get("Strict-Transport-Security"))
	require.EqualValues(t, 10, res.TLS.PeerCertificates[0].SerialNumber.Int64())
	res, text = ask(t, watch, "GET", at.Ops+"/audit", "")
	require.Equal(t, 200, res.StatusCode, "an operator's certificate opens operations: %s", text)

	for name, c := range map[string]*http.Client{
		"without a certificate": client(nil, nil), "with a stranger's": client(strangers, nil),
		"with an old TLS": client(ours, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }),
	} {
		_, err := c.Get(at.HTTP + "/api/stores")
		require.Error(t, err, name)
	}
	own := &http.Client{Transport: &http.Transport{TLSClientConfig: at.TLS}}
	res, text = ask(t, own, "GET", at.HTTP+"/api/stores", "", "Authorization", "Bearer "+at.Token.Reveal())
	require.Equal(t, 200, res.StatusCode, "the bots of the process come in: %s", text)

	write(11)
	serial := func() int64 {
		res, _ := ask(t, watch, "GET", at.HTTP+"/api/stores", "")
		return res.TLS.PeerCertificates[0].SerialNumber.Int64()
	}
	hosttest.Eventually(t, func() bool { return serial() == 11 }, "a new certificate is taken without a restart")
	require.NoError(t, os.WriteFile(files.TLSCert, bytes.Repeat([]byte("x"), 100), 0o600))
	for until := time.Now().Add(1500 * time.Millisecond); time.Now().Before(until); time.Sleep(100 * time.Millisecond) {
		require.EqualValues(t, 11, serial(), "what is no certificate is not taken")
	}
	write(12)
	hosttest.Eventually(t, func() bool { return serial() == 12 })
}
