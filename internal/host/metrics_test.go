package host_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/host"
	"mallbots/internal/host/hosttest"
	"mallbots/internal/tracing/tracingtest"
)

// shows reports whether a process exposes a line.
func shows(t *testing.T, m *hosttest.Mall, line string) bool {
	t.Helper()
	return slices.Contains(strings.Split(m.Ops(t, http.MethodGet, "/metrics", nil).Text, "\n"), line)
}

func TestADiskThatIsAlmostFullIsMeasured(t *testing.T) {
	m := hosttest.StartWith(t, host.Config{Data: t.TempDir(), Log: slog.New(slog.DiscardHandler), FreeDisk: 1 << 60}, all[0])
	hosttest.Eventually(t, func() bool {
		return shows(t, m, `mallbots_changes_refused{module="stores"} 1`) &&
			shows(t, m, `mallbots_part_up{part="stores.outbox"} 0`) && shows(t, m, `mallbots_ready 0`)
	})
	text := m.Ops(t, http.MethodGet, "/metrics", nil).Text
	require.Regexp(t, `(?m)^mallbots_disk_free_bytes [1-9]`, text)
	require.Regexp(t, `(?m)^mallbots_database_file_bytes\{file="main",module="stores"\} [1-9]`, text)
	require.Regexp(t, `(?m)^mallbots_database_connections_max\{module="stores"\} [1-9]`, text)
	require.True(t, shows(t, m, `mallbots_part_up{part="stores.relay"} 1`))
	require.True(t, shows(t, m, `mallbots_lost_messages{module="stores"} 0`))
}

// TestARequestIsOneLineThatSaysWhoseItIs freezes the fields of that line, with
// traces and without.
func TestARequestIsOneLineThatSaysWhoseItIs(t *testing.T) {
	for name, c := range map[string]struct {
		traced bool
		fields []string
	}{
		"without traces": {false, []string{"actor", "code", "correlation_id", "duration", "level", "msg", "procedure", "time"}},
		"with traces":    {true, []string{"actor", "code", "correlation_id", "duration", "level", "msg", "procedure", "span_id", "time", "trace_id"}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.traced {
				tracingtest.Start(t)
			}
			out := &output{}
			m := hosttest.StartWith(t, host.Config{Data: t.TempDir(), Log: slog.New(slog.NewJSONHandler(out, nil))}, all[0])
			require.Equal(t, http.StatusOK, m.Do(t, "POST", "/api/stores", `{"name":"Teas","location":"Hall 1"}`).Status)
			refused := m.Do(t, "POST", "/api/stores", `{"name":"","location":"Hall 1"}`)
			require.Equal(t, http.StatusBadRequest, refused.Status)
			lines := out.lines(t, "request")
			require.Len(t, lines, 2, "one for each")
			require.Equal(t, c.fields, slices.Sorted(maps.Keys(lines[0])))
			require.Equal(t, refused.Header.Get("X-Correlation-Id"), lines[1]["correlation_id"])
			require.Equal(t, "STORE_NAME_BLANK", lines[1]["reason"])
		})
	}
}

// output keeps what is logged.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

// lines are those with a message.
func (o *output) lines(t *testing.T, message string) []map[string]any {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []map[string]any
	for line := range strings.Lines(o.text.String()) {
		var fields map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &fields))
		if fields["msg"] == message {
			all = append(all, fields)
		}
	}
	return all
}
