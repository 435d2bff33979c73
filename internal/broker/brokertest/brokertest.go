// Package brokertest starts brokers for tests: one within the process, or one
// on a server of its own that can be stopped and started again.
package brokertest

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"

	"mallbots/internal/broker"
	"mallbots/internal/freeport"
)

// Embedded is a broker with its server in the process.
func Embedded(t testing.TB) *broker.Broker {
	t.Helper()
	b, err := broker.Embedded(t.Context(), t.TempDir(), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	closeAtEnd(t, b)
	return b
}

// External is a server on a loopback port, which keeps its data over restarts.
type External struct {
	t       testing.TB
	options server.Options
	server  *server.Server
}

// NewExternal starts a server.
func NewExternal(t testing.TB) *External {
	t.Helper()
	return newExternal(t, server.Options{})
}

// NewConfigured starts a server with a configuration besides, in the server's
// own language.
func NewConfigured(t testing.TB, configuration string) *External {
	t.Helper()
	file := filepath.Join(t.TempDir(), "nats.conf")
	require.NoError(t, os.WriteFile(file, []byte(configuration), 0o600))
	options, err := server.ProcessConfigFile(file)
	require.NoError(t, err)
	return newExternal(t, *options)
}

func newExternal(t testing.TB, options server.Options) *External {
	t.Helper()
	options.Host, options.Port = "127.0.0.1", freeport.Port(t)
	options.ServerName, options.StoreDir = "external", t.TempDir()
	options.JetStream, options.SyncAlways, options.NoSigs, options.NoLog = true, true, true, true
	e := &External{t: t, options: options}
	e.Start()
	t.Cleanup(e.Stop)
	return e
}

// URL is where the server listens.
func (e *External) URL() string { return fmt.Sprintf("nats://127.0.0.1:%d", e.options.Port) }

// Connect returns a broker that uses the server.
func (e *External) Connect() *broker.Broker {
	e.t.Helper()
	b, err := broker.Connect(e.t.Context(), e.URL(), slog.New(slog.DiscardHandler))
	require.NoError(e.t, err)
	closeAtEnd(e.t, b)
	return b
}

// Start starts the server again after Stop.
func (e *External) Start() {
	e.t.Helper()
	options := e.options
	s, err := server.NewServer(&options)
	require.NoError(e.t, err)
	s.Start()
	require.True(e.t, s.ReadyForConnections(30*time.Second))
	e.server = s
}

// Stop stops the server, if it runs.
func (e *External) Stop() {
	if e.server == nil {
		return
	}
	e.server.Shutdown()
	e.server.WaitForShutdown()
	e.server = nil
}

func closeAtEnd(t testing.TB, b *broker.Broker) {
	t.Helper()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		require.NoError(t, b.Close(ctx))
	})
}
