package host_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/credential"
	"mallbots/internal/host"
	"mallbots/internal/host/hosttest"
	"mallbots/internal/identity"
)

func TestAConsoleOnANetworkAsksWhoYouAre(t *testing.T) {
	data := t.TempDir()
	m := hosttest.StartWith(t, host.Config{Data: data, Log: hosttest.Log(t), Security: host.Security{Auth: "on"}}, all[0])
	keys := map[identity.Role]string{}
	for _, role := range []identity.Role{identity.MallAdmin, identity.DepotStaff} {
		text, k := credential.NewKey()
		k.Holder, k.Roles, k.Expires = "a-"+strings.ReplaceAll(string(role), "_", "-"), []identity.Role{role}, time.Now().Add(time.Hour)
		require.Equal(t, 200, m.Ops(t, "POST", "/keys", k).Status)
		keys[role] = text.Reveal()
	}
	m.Stop(t)
	at := withDoors(t, host.Config{Data: data, HTTP: "127.0.0.1:0", Ops: "0.0.0.0:0", Security: host.Security{Auth: "on", InsecureNoTLS: true}})
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	browser := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	read := func(res *http.Response, err error) (*http.Response, string) {
		t.Helper()
		require.NoError(t, err)
		text, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		return res, string(text)
	}
	hosttest.Eventually(t, func() bool {
		res, _ := read(browser.Get(at.Ops + "/readyz"))
		return res.StatusCode == 200
	})
	for _, path := range []string{"/", "/console", "/console/health", "/console/letters/x"} {
		res, text := read(browser.Get(at.Ops + path))
		require.Equal(t, 303, res.StatusCode, path)
		require.Equal(t, "/console/signin", res.Header.Get("Location"))
		require.NotContains(t, text, "stores")
	}
	res, _ := read(browser.Get(at.Ops + "/static/style.css"))
	require.Equal(t, 200, res.StatusCode)
	signIn := func(token string) (*http.Response, string) {
		t.Helper()
		return read(browser.PostForm(at.Ops+"/console/signin", url.Values{"token": {token}}))
	}
	for token, words := range map[string]string{
		"": "That is no API key", "a; b": "That is no API key", "mbk_000000000000_nonsense": "", keys[identity.DepotStaff]: "operations are for mall_admin",
	} {
		res, text := signIn(token)
		require.Contains(t, []int{400, 403}, res.StatusCode, token)
		require.Contains(t, text, words)
		require.Empty(t, res.Cookies())
	}
	res, _ = signIn(keys[identity.MallAdmin])
	require.Equal(t, 303, res.StatusCode)
	cookie := res.Cookies()[0]
	require.True(t, cookie.HttpOnly)
	require.Equal(t, http.SameSiteStrictMode, cookie.SameSite)
	require.Equal(t, "/console", cookie.Path)
	res, text := read(browser.Get(at.Ops + "/console/health"))
	require.Equal(t, 200, res.StatusCode)
	require.Contains(t, text, "stores.database")

	req, err := http.NewRequestWithContext(t.Context(), "POST", at.Ops+"/console/letters/x/discard", nil)
	require.NoError(t, err)
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	res, _ = read(browser.Do(req))
	require.Equal(t, 403, res.StatusCode, "another site's page has no use for the cookie")
}
