package host

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/rest"
)

func TestFormsAreBounded(t *testing.T) {
	var failure error
	handler := Security{}.door("127.0.0.1:0", false, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, failure = io.ReadAll(r.Body) }))
	for _, c := range []struct {
		kind string
		size int
		most bool
	}{
		{"application/x-www-form-urlencoded", rest.MaxBody, false},
		{"application/x-www-form-urlencoded; charset=utf-8", rest.MaxBody + 1, true},
		{"multipart/form-data; boundary=x", rest.MaxBody + 1, true},
		{"application/grpc", rest.MaxBody + 1, false}, // may be a stream, which bounds its own
	} {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(strings.Repeat("x", c.size)))
		req.Header.Set("Content-Type", c.kind)
		handler.ServeHTTP(httptest.NewRecorder(), req)
		var tooLarge *http.MaxBytesError
		if c.most {
			require.ErrorAs(t, failure, &tooLarge, c.kind)
		} else {
			require.NoError(t, failure, c.kind)
		}
	}
}
