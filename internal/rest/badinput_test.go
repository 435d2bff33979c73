package rest_test

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"

	"mallbots/internal/api"
	"mallbots/internal/rest"
	"mallbots/proto/mallbots/stores/v1/storesv1connect"
)

var quiet = slog.New(slog.DiscardHandler)

func TestBadInputIsRefusedByName(t *testing.T) {
	const products = "/api/stores/" + id + "/products"
	cases := map[string]struct {
		method, path, body string
		headers            []string
		status             int
		code               string
		field              string
	}{
		"blank name":             {"POST", "/api/stores", `{"name":" ","location":"x"}`, nil, 400, "STORE_NAME_BLANK", "name"},
		"no body":                {"POST", "/api/stores", ``, nil, 400, "STORE_NAME_BLANK", "name"},
		"null body":              {"POST", "/api/stores", `null`, nil, 400, "JSON_MALFORMED", ""},
		"a list":                 {"POST", "/api/stores", `[]`, nil, 400, "JSON_MALFORMED", ""},
		"no JSON":                {"POST", "/api/stores", `name=Teas`, nil, 400, "JSON_MALFORMED", ""},
		"cut JSON":               {"POST", "/api/stores", `{"name":"Te`, nil, 400, "JSON_MALFORMED", ""},
		"two objects":            {"POST", "/api/stores", `{"name":"T","location":"x"}{}`, nil, 400, "JSON_MALFORMED", ""},
		"invalid UTF-8":          {"POST", "/api/stores", "{\"name\":\"\xff\"}", nil, 400, "JSON_MALFORMED", ""},
		"deep nesting":           {"POST", "/api/stores", `{"name":` + strings.Repeat("[", 100_000), nil, 400, "", ""},
		"unknown field":          {"POST", "/api/stores", `{"name":"Teas","location":"x","owner":"me"}`, nil, 400, "FIELD_UNKNOWN", "owner"},
		"unknown nested field":   {"POST", products, `{"price":{"cents":1}}`, nil, 400, "FIELD_UNKNOWN", "cents"},
		"field twice":            {"POST", "/api/stores", `{"name":"Teas","name":"Teas"}`, nil, 400, "FIELD_INVALID", "name"},
		"number for text":        {"POST", "/api/stores", `{"name":7}`, nil, 400, "FIELD_INVALID", "name"},
		"text for number":        {"POST", products, `{"price":{"minorUnits":"ten"}}`, nil, 400, "FIELD_INVALID", "minorUnits"},
		"fraction":               {"POST", products, `{"price":{"minorUnits":9.99}}`, nil, 400, "FIELD_INVALID", "minorUnits"},
		"overflow":               {"POST", products, `{"price":{"minorUnits":9223372036854775808}}`, nil, 400, "FIELD_INVALID", "minorUnits"},
		"negative price":         {"POST", products, `{"name":"T","sku":"1","price":{"currencyCode":"USD","minorUnits":-1}}`, nil, 400, "MINOR_UNITS_OUT_OF_RANGE", "price.minorUnits"},
		"no price":               {"POST", products, `{"name":"T","sku":"1"}`, nil, 400, "required", "price"},
		"malformed id":           {"GET", "/api/stores/7", ``, nil, 400, "string.uuid", "id"},
		"id with escapes":        {"GET", "/api/stores/%00%2F..%2Fx", ``, nil, 400, "string.uuid", "id"},
		"id that is not UTF-8":   {"GET", "/api/stores/%ff", ``, nil, 400, "FIELD_INVALID", "id"},
		"other id in the body":   {"PUT", "/api/stores/" + id + "/rebrand", `{"id":"x","name":"T"}`, nil, 400, "PATH_AND_BODY_DIFFER", "id"},
		"page too large":         {"GET", "/api/stores?pageSize=101", ``, nil, 400, "PAGE_SIZE_OUT_OF_RANGE", "pageSize"},
		"page size no number":    {"GET", "/api/stores?pageSize=ten", ``, nil, 400, "FIELD_INVALID", "pageSize"},
		"page size overflow":     {"GET", "/api/stores?pageSize=2147483648", ``, nil, 400, "FIELD_INVALID", "pageSize"},
		"page size twice":        {"GET", "/api/stores?pageSize=1&pageSize=2", ``, nil, 400, "FIELD_INVALID", "pageSize"},
		"two names of one field": {"GET", "/api/stores?pageSize=1&page_size=2", ``, nil, 400, "FIELD_INVALID", "pageSize"},
		"unknown parameter":      {"GET", "/api/stores?sort=name", ``, nil, 400, "PARAMETER_UNKNOWN", "sort"},
		"parameter of the path":  {"GET", "/api/stores/" + id + "?id=" + id, ``, nil, 400, "PARAMETER_UNKNOWN", "id"},
		"parameter beside body":  {"POST", "/api/stores?name=Teas", `{"location":"x"}`, nil, 400, "PARAMETER_UNKNOWN", "name"},
		"parameter into nothing": {"GET", "/api/stores?pageSize.x=1", ``, nil, 400, "PARAMETER_UNKNOWN", "pageSize.x"},
		"malformed query":        {"GET", "/api/stores?pageSize=%zz", ``, nil, 400, "QUERY_MALFORMED", ""},
		"no such status":         {"GET", "/api/ordering?status=LOST", ``, nil, 400, "FIELD_INVALID", "status"},
		"no such status number":  {"GET", "/api/ordering?status=99", ``, nil, 400, "FIELD_INVALID", "status"},
		"no time":                {"GET", "/api/ordering?createdAfter=yesterday", ``, nil, 400, "FIELD_INVALID", "createdAfter"},
		"time without zone":      {"GET", "/api/ordering/" + id + "?asOf=2026-11-22T08:30:00", ``, nil, 400, "FIELD_INVALID", "asOf"},
		"half a time":            {"GET", "/api/ordering?createdAfter.seconds=x", ``, nil, 400, "FIELD_INVALID", "createdAfter.seconds"},
		"body where none is":     {"DELETE", "/api/stores/products/" + id, `{"id":"x"}`, nil, 400, "BODY_UNEXPECTED", ""},
		"body too large":         {"POST", "/api/stores", `{"name":"` + strings.Repeat("x", 1<<20) + `"}`, nil, 413, "BODY_TOO_LARGE", ""},
		"a form":                 {"POST", "/api/stores", `name=Teas`, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "MEDIA_TYPE_UNSUPPORTED", ""},
		"text":                   {"POST", "/api/stores", `{}`, []string{"Content-Type", "text/plain"}, 415, "MEDIA_TYPE_UNSUPPORTED", ""},
		"another charset":        {"POST", "/api/stores", `{}`, []string{"Content-Type", "application/json; charset=utf-16"}, 415, "MEDIA_TYPE_UNSUPPORTED", ""},
		"compressed":             {"POST", "/api/stores", `{}`, []string{"Content-Encoding", "gzip"}, 415, "MEDIA_TYPE_UNSUPPORTED", ""},
		"malformed If-Match":     {"PUT", "/api/stores/" + id + "/rebrand", `{"name":"T"}`, []string{"If-Match", "3"}, 400, "IF_MATCH_MALFORMED", ""},
		"malformed key":          {"POST", "/api/stores", `{}`, []string{"Idempotency-Key", "a b"}, 400, "IDEMPOTENCY_KEY_MALFORMED", ""},
		"malformed position":     {"GET", "/api/stores", ``, []string{"Mallbots-After", "x"}, 400, "MALLBOTS_AFTER_MALFORMED", ""},
	}
	m := start(t)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			m.stores.called = ""
			got := m.do(t, c.method, c.path, c.body, c.headers...)
			require.Equal(t, c.status, got.status, got.body)
			require.Less(t, len(got.body), 2000, "it does not echo what it was sent")
			p := got.problem(t)
			if c.code != "" {
				require.Equal(t, c.code, p.Code, got.body)
			}
			if c.field != "" {
				require.NotEmpty(t, p.Violations)
				require.Equal(t, c.field, p.Violations[0].Field)
				require.NotEmpty(t, p.Violations[0].Description)
			}
			require.Empty(t, m.stores.called, "no method has seen it")
		})
	}
}

func TestMalformedJSONIsPlaced(t *testing.T) {
	m := start(t)
	require.Contains(t, m.do(t, "POST", "/api/stores", "{\n\"name\" 7}").problem(t).Detail, "line 2:8")
}

// FuzzDecode sends anything to the routes: whatever it is, it is answered, and
// never as the server's own mistake.
func FuzzDecode(f *testing.F) {
	f.Add("POST", "/api/stores", "", `{"name":"Teas","location":"Hall 1"}`, "application/json")
	f.Add("PUT", "/api/stores/"+id+"/rebrand", "", `{"id":"x"}`, "application/json; charset=utf-8")
	f.Add("GET", "/api/stores", "pageSize=1&pageToken=%ff", "", "")
	f.Add("GET", "/api/stores/%2f/products", "pageSize=-1", "", "")
	f.Add("POST", "/api/stores/"+id+"/products", "", `{"price":{"minorUnits":"1e3"}}`, "application/merge-patch+json")
	rpc := api.NewServer(api.Options{Log: quiet})
	storesv1connect.RegisterStoresServiceHandler(rpc, &stores{})
	r := chi.NewRouter()
	rest.Mount(r, rpc)
	f.Fuzz(func(t *testing.T, method, path, query, body, contentType string) {
		req, err := http.NewRequestWithContext(t.Context(), method, "http://mall/", strings.NewReader(body))
		if err != nil {
			t.Skip("no HTTP method")
		}
		req.URL.Path, req.URL.RawQuery = path, query
		req.Header.Set("Content-Type", contentType)
		w := httptest.NewRecorder()
		r.ServeHTTP(w, req)
		if w.Code >= 500 && w.Code != http.StatusNotImplemented {
			t.Fatalf("%s %q?%q %q: %d %s", method, path, query, body, w.Code, w.Body)
		}
	})
}

func TestASlowBodyIsNotWaitedForWithoutEnd(t *testing.T) {
	m := start(t, rest.WithBodyTimeout(20*time.Millisecond))
	connection, err := net.Dial("tcp", strings.TrimPrefix(m.url, "http://"))
	require.NoError(t, err)
	defer connection.Close()
	_, err = io.WriteString(connection, "POST /api/stores HTTP/1.1\r\nHost: mall\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
	require.NoError(t, err)
	res, err := http.ReadResponse(bufio.NewReader(connection), nil)
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, http.StatusBadRequest, res.StatusCode)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Contains(t, string(body), "BODY_UNREADABLE")
}
