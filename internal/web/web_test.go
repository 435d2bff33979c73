package web_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"

	"mallbots/internal/web"
)

func TestInsideStreamsWhatIsWrittenAndStopsWithItsReader(t *testing.T) {
	ended := make(chan struct{})
	client := web.Inside(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		require.NoError(t, http.NewResponseController(w).Flush())
		for {
			if _, err := io.WriteString(w, "data: tick\n\n"); err != nil || r.Context().Err() != nil {
				return
			}
		}
	}))
	res, err := client.Get("http://localhost/stream?a=b")
	require.NoError(t, err)
	seen := 0
	require.NoError(t, web.Events(res.Body, func(data []byte) bool {
		require.Equal(t, "tick", string(data))
		seen++
		return seen < 3
	}))
	require.NoError(t, res.Body.Close())
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		require.Fail(t, "the handler goes on although nobody reads")
	}
}

func TestInsideTellsOfAPanic(t *testing.T) {
	client := web.Inside(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("broken") }))
	res, err := client.Get("http://localhost/")
	require.NoError(t, err)
	require.Equal(t, http.StatusInternalServerError, res.StatusCode)
	_, err = io.ReadAll(res.Body)
	require.ErrorContains(t, err, "broken")
	require.NoError(t, res.Body.Close())
}

func TestTheMallAsksTheProcessThatRunsTheModule(t *testing.T) {
	process := func(module string) *web.Process {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/process":
				_, _ = io.WriteString(w, `{"modules":["`+module+`"]}`)
			case "/fine":
				_, _ = io.WriteString(w, `{"name":"`+module+` for `+r.Header.Get("Mallbots-As")+`"}`)
			default:
				w.WriteHeader(http.StatusConflict)
				_, _ = io.WriteString(w, `{"code":"NOT_SO","detail":"not like this"}`)
			}
		}))
		t.Cleanup(server.Close)
		p, err := web.At(server.URL, server.Client())
		require.NoError(t, err)
		return p
	}
	mall := web.NewMall(process("stores"), process("depot"))
	ctx := web.WithCaller(t.Context(), web.Caller{Operator: "ada"})
	require.Equal(t, []string{"stores", "depot"}, mall.Modules(ctx))
	require.True(t, mall.Has(ctx, "depot", "stores"))

	var answer struct{ Name string }
	require.NoError(t, mall.Get(ctx, "depot", "/fine", nil, &answer))
	require.Equal(t, "depot for ada", answer.Name)

	err := mall.Get(ctx, "depot", "/other", nil, &answer)
	require.True(t, web.Refused(err, http.StatusConflict))
	require.EqualError(t, err, "not like this")
	var refusal *web.Refusal
	require.True(t, errors.As(err, &refusal))
	require.Equal(t, "NOT_SO", refusal.Code)

	require.ErrorIs(t, mall.Get(ctx, "baskets", "/fine", nil, nil), web.ErrAbsent)
	_, err = web.At("ftp://elsewhere", nil)
	require.ErrorContains(t, err, "http://127.0.0.1:8081")
}

func TestWords(t *testing.T) {
	for text, want := range map[string]string{
		"ORDER_STATUS_READY": "ready", "ShoppingListAssigned": "shopping list assigned", "mallbots.depot.v1.StockReserved": "stock reserved",
	} {
		require.Equal(t, want, web.Words(text, "ORDER_STATUS_"))
	}
	require.Equal(t, "USD 1 354 458.59", web.Money{CurrencyCode: "USD", MinorUnits: 135445859}.String())
	require.Equal(t, "USD 0.05", web.Money{CurrencyCode: "USD", MinorUnits: 5}.String())
	require.Equal(t, "USD −12.50", web.Money{CurrencyCode: "USD", MinorUnits: -1250}.String())
	for took, want := range map[time.Duration]string{
		4100 * time.Microsecond: "4.1 ms", 180 * time.Millisecond: "180 ms", 1500 * time.Millisecond: "1.5 s", 3 * time.Minute: "3 min", 72 * time.Hour: "3 days",
	} {
		require.Equal(t, want, web.Took(took))
	}
}

func TestCookiesAreSecureWhereTheBrowserUsesTLS(t *testing.T) {
	r := chi.NewRouter()
	web.SignIn{
		Site: "Test", Path: "/signin", Home: "/home", Cookie: "token", Check: func(*http.Request) error { return nil },
	}.Mount(r)
	for proto, secure := range map[string]bool{"": false, "http": false, "https": true} {
		req := httptest.NewRequest(http.MethodPost, "/signin", strings.NewReader("token=abc"))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("X-Forwarded-Proto", proto)
		answer := httptest.NewRecorder()
		r.ServeHTTP(answer, req)
		require.Len(t, answer.Result().Cookies(), 1, answer.Body.String())
		require.Equal(t, secure, answer.Result().Cookies()[0].Secure, proto)
	}
}
