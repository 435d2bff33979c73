// Package hosttest runs modules as a process would, for tests: real SQLite (or
// PostgreSQL), a real embedded broker, real listeners on free ports.
package hosttest

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/database/pgtest"
	"mallbots/internal/host"
	"mallbots/internal/secret"
)

// Patience is how long a test waits for what other modules do.
const Patience = 30 * time.Second

// Mall is a running process.
type Mall struct {
	URL    string // of the API
	OpsURL string // of the operations listener

	config  host.Config
	modules []host.Module
	stop    context.CancelFunc
	done    chan error

	mutex sync.Mutex
	after []string // headers: what the next request waits for
}

// Start runs modules until the test ends. With MALLBOTS_TEST_DATABASE=postgres
// in the environment their databases are PostgreSQL schemas, else SQLite files.
func Start(t *testing.T, modules ...host.Module) *Mall {
	t.Helper()
	config := host.Config{Data: t.TempDir(), Log: Log(t)}
	if os.Getenv("MALLBOTS_TEST_DATABASE") == "postgres" {
		config.DatabaseURL = secret.Text(pgtest.DSN(t))
	}
	return StartWith(t, config, modules...)
}

// StartWith is Start with a configuration; the addresses are chosen here.
func StartWith(t *testing.T, config host.Config, modules ...host.Module) *Mall {
	t.Helper()
	config.HTTP, config.Ops = "127.0.0.1:0", "127.0.0.1:0"
	m := &Mall{config: config, modules: modules}
	m.run(t)
	t.Cleanup(func() { m.Stop(t) })
	return m
}

func (m *Mall) run(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	m.stop, m.done = stop, make(chan error, 1)
	ready := make(chan host.Addresses, 1)
	go func() { m.done <- host.Run(ctx, m.config, m.modules, func(a host.Addresses) { ready <- a }) }()
	select {
	case a := <-ready:
		m.URL, m.OpsURL = a.HTTP, a.Ops
	case err := <-m.done:
		m.stop = nil
		require.NoError(t, err, "the process ended before it was ready")
	case <-time.After(Patience):
		require.Fail(t, "the process did not get ready")
	}
}

// Stop drains the process and waits for its end.
func (m *Mall) Stop(t *testing.T) {
	t.Helper()
	if m.stop == nil {
		return
	}
	m.stop()
	m.stop = nil
	select {
	case err := <-m.done:
		require.NoError(t, err)
	case <-time.After(Patience):
		require.Fail(t, "the process did not drain")
	}
}

// Restart stops the process and starts it again on the same data, on new ports.
func (m *Mall) Restart(t *testing.T) {
	t.Helper()
	m.Stop(t)
	m.run(t)
}

// Eventually waits until condition holds, for at most Patience. The condition is
// asked in the test's own goroutine, so that it may require something.
func Eventually(t *testing.T, condition func() bool, message ...any) {
	t.Helper()
	for deadline := time.Now().Add(Patience); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			require.Fail(t, "what is waited for does not come", message...)
		}
	}
}

// Settle waits until nothing is left to publish, consume or fire.
func (m *Mall) Settle(t *testing.T) {
	t.Helper()
	Eventually(t, func() bool {
		quiet, _ := m.Ops(t, http.MethodGet, "/quiet", nil).Body["quiet"].(bool)
		return quiet
	}, "the mall did not come to rest")
}

// Audit settles and requires that the books of every module hold.
func (m *Mall) Audit(t *testing.T) {
	t.Helper()
	m.Settle(t)
	var answer struct {
		Modules []host.Report `json:"modules"`
	}
	r := m.Ops(t, http.MethodPost, "/audit", nil)
	require.Equal(t, http.StatusOK, r.Status, r.Text)
	require.NoError(t, json.Unmarshal([]byte(r.Text), &answer))
	kept := map[string]host.Report{}
	for _, report := range answer.Modules {
		for _, c := range report.Checks {
			require.True(t, c.OK, "%s: %s", c.Name, c.Detail)
		}
		for name, book := range report.Books {
			if first, ok := kept[name]; ok {
				require.Equal(t, first.Books[name], book, "book %q of %s and %s", name, first.Module, report.Module)
			}
			kept[name] = report
		}
	}
}

// Log writes to the test's output what is worth a warning.
func Log(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}
