package secret

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestASecretNeverPrints(t *testing.T) {
	const planted = "hunter2"
	type holder struct {
		Name string
		URL  Text
		Many []Text
		Map  map[string]Text
	}
	h := holder{"database", planted, []Text{planted}, map[string]Text{"a": planted}}
	var seen bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%10s", "%-10q"} {
		fmt.Fprintf(&seen, verb+"\n", h)
		fmt.Fprintf(&seen, verb+"\n", h.URL)
		fmt.Fprintf(&seen, verb+"\n", &h.URL)
	}
	fmt.Fprintln(&seen, fmt.Errorf("connect to %s: %w", h.URL, fmt.Errorf("%v", h)))
	require.NoError(t, json.NewEncoder(&seen).Encode(h))
	require.NoError(t, xml.NewEncoder(&seen).Encode(h.URL))
	slog.New(slog.NewTextHandler(&seen, nil)).Info("a", "url", h.URL, "all", h, "pointer", &h.URL)
	slog.New(slog.NewJSONHandler(&seen, nil)).Info("a", "url", h.URL, "all", h, slog.Group("g", "url", h.URL))
	require.NotContains(t, seen.String(), planted)
	require.NotContains(t, seen.String(), fmt.Sprintf("%x", planted))
	require.Contains(t, seen.String(), Redacted)
	require.Equal(t, planted, h.URL.Reveal())

	require.Empty(t, Text("").String(), "no secret is none")
	var read Text
	require.NoError(t, json.Unmarshal([]byte(`"hunter2"`), &read))
	require.Equal(t, Text(planted), read)
}
