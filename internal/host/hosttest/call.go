package hosttest

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Object is a JSON object.
type Object = map[string]any

// Response is an answer of the API.
type Response struct {
	Status int
	Header http.Header
	Body   Object // if it is an object
	Text   string
}

// After makes the next request wait until its module has heard of a position.
func (m *Mall) After(position string) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.after = append(m.after, "Mallbots-After", position)
}

// Do calls the API, after all that was said before: body is marshalled unless
// it is nil or a string; headers are pairs of name and value. On a machine so
// busy that the module is not told in time it asks again.
func (m *Mall) Do(t *testing.T, method, path string, body any, headers ...string) Response {
	t.Helper()
	m.mutex.Lock()
	after := m.after
	m.after = nil
	m.mutex.Unlock()
	headers = append(headers, after...)
	r := do(t, method, m.URL+path, body, headers...)
	for begun := time.Now(); len(after) > 0 && r.Body["code"] == "NOT_YET_CAUGHT_UP" && time.Since(begun) < Patience; {
		r = do(t, method, m.URL+path, body, headers...)
	}
	return r
}

// OK calls the API and returns the body of a success.
func (m *Mall) OK(t *testing.T, method, path string, body any, headers ...string) Object {
	t.Helper()
	r := m.Do(t, method, path, body, headers...)
	require.Equal(t, http.StatusOK, r.Status, r.Text)
	require.NotNil(t, r.Body, r.Text)
	return r.Body
}

// Refused calls the API, requires a problem with a status and a code (any, if
// it is empty), and returns its text.
func (m *Mall) Refused(t *testing.T, status int, code, method, path string, body any, headers ...string) string {
	t.Helper()
	r := m.Do(t, method, path, body, headers...)
	require.Equal(t, status, r.Status, r.Text)
	require.Contains(t, r.Header.Get("Content-Type"), "application/problem+json")
	require.EqualValues(t, status, r.Body["status"])
	if code != "" {
		require.Equal(t, code, r.Body["code"], r.Text)
	}
	return r.Text
}

// Ops calls the operations listener.
func (m *Mall) Ops(t *testing.T, method, path string, body any) Response {
	t.Helper()
	return do(t, method, m.OpsURL+path, body)
}

func do(t *testing.T, method, url string, body any, headers ...string) Response {
	t.Helper()
	var text string
	switch b := body.(type) {
	case nil:
	case string:
		text = b
	default:
		data, err := json.Marshal(b)
		require.NoError(t, err)
		text = string(data)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(text))
	require.NoError(t, err)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, res.Body.Close()) }()
	data, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	r := Response{Status: res.StatusCode, Header: res.Header, Text: string(data)}
	_ = json.Unmarshal(data, &r.Body) // not every answer is an object
	return r
}
