package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// nasty is what callers send who mean no good, or do not know better.
var nasty = []any{
	"", " ", "\x00", "a\x00b", "\u202e\u200b", "💥", "%00", "../..", "'; DROP TABLE events; --", strings.Repeat("x", 3000),
	"0", "-1", "1e400", "NaN", "99999999999999999999", "9999-12-31T23:59:59.999999999Z", "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z",
	"ORDER_STATUS_LOST", "W10", "WyIiLCJcdTAwMDAiXQ", "01920000-0000-7000-8000-000000000000",
	nil, true, -1, 1.5, 1 << 31, 1e300,
	[]any{},
	[]any{nil},
	map[string]any{},
	map[string]any{"currencyCode": "USD", "minorUnits": "-0"},
}

// nastyHeaders are what goes along, one after the other.
var nastyHeaders = [][]string{
	nil, nil,
	{"Mallbots-After", "stores/\xe9@1"},
	{"Mallbots-After", "a/b@9223372036854775808"},
	{"If-Match", `"99999999999999999999"`},
	{"If-Match", `"0"`},
	{"Idempotency-Key", "\xff"},
	{"Idempotency-Key", "k"},
	{"X-Correlation-Id", "\xff'"},
	{"Traceparent", "00-x"},
	{"Content-Type", "text/xml"},
}

// TestNothingACallerSendsIsAnInternalError sends every route every nasty value,
// in each place that takes one.
func TestNothingACallerSendsIsAnInternalError(t *testing.T) {
	onEach(t, func(t *testing.T, backend ...string) {
		p := start(t, backend...)
		n := 0
		for rpc, routes := range methods() {
			if rpc.IsStreamingServer() {
				continue
			}
			for _, value := range nasty {
				id := value
				if n%2 == 0 { // a good one leads further in
					id = "01920000-0000-7000-8000-000000000000"
				}
				target, body := nastyRequest(t, rpc, routes[0].Path, routes[0].Method, id, value)
				restDoor{p.url}.send(t, routes[0].Method, target, body, nastyHeaders[n%len(nastyHeaders)]) // refuses an internal error
				n++
			}
		}
		require.NotContains(t, p.log.String(), "level=ERROR")
		p.audit(t)
	})
}

// nastyRequest has id in the path, and value in every other field.
func nastyRequest(t *testing.T, rpc protoreflect.MethodDescriptor, path, method string, id, value any) (target, body string) {
	t.Helper()
	text := func(v any) string {
		if s, ok := v.(string); ok && s != "" {
			return s
		}
		data, err := json.Marshal(v)
		require.NoError(t, err)
		return string(data)
	}
	fields, query := map[string]any{}, url.Values{}
	for i := range rpc.Input().Fields().Len() {
		field := rpc.Input().Fields().Get(i)
		if variable := "{" + string(field.Name()) + "}"; strings.Contains(path, variable) {
			path = strings.ReplaceAll(path, variable, url.PathEscape(text(id)))
			continue
		}
		fields[field.JSONName()] = value
		query.Set(field.JSONName(), text(value))
	}
	if method == http.MethodGet || method == http.MethodDelete {
		return path + "?" + query.Encode(), ""
	}
	data, err := json.Marshal(fields)
	require.NoError(t, err)
	return path, string(data)
}
