//go:build chaos

package chaos

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

var onlyExternal = []string{external}

// brokerCells take the broker away, or what it keeps.
func brokerCells() []cell {
	return []cell{
		{name: "broker killed and started", backends: onlyExternal, lasts: time.Second, strike: func(m *mall, _ *load) int {
			m.nats.proc.kill()
			m.healed = time.Now()
			m.nats.start()
			return 1
		}},
		{name: "broker down", backends: onlyExternal, lasts: *outageFlag, strike: func(m *mall, _ *load) int {
			m.nats.proc.kill()
			time.Sleep(*outageFlag)
			m.healed = time.Now()
			m.nats.start()
			return 1
		}},
		{name: "broker paused", backends: onlyExternal, lasts: 8 * time.Second, strike: func(m *mall, _ *load) int {
			m.nats.proc.signal(19) // SIGSTOP
			time.Sleep(8 * time.Second)
			m.healed = time.Now()
			m.nats.proc.signal(18) // SIGCONT
			return 1
		}},
		{name: "consumers deleted", backends: onlyExternal, lasts: time.Second, strike: func(m *mall, _ *load) int {
			return m.deleteConsumers()
		}},
		{name: "stream deleted", backends: onlyExternal, lasts: time.Second, strike: func(m *mall, _ *load) int {
			conn, js := m.nats.js()
			defer conn.Close()
			require.NoError(m.t, js.DeleteStream(context.Background(), "MALLBOTS_BASKETS"))
			m.healed = time.Now()
			return 1
		}},
		{name: "messages republished", backends: onlyExternal, lasts: time.Second, strike: func(m *mall, _ *load) int {
			return m.republish("baskets", 300)
		}},
	}
}

// streamExists says whether a module's stream is there.
func (m *mall) streamExists(module string) bool {
	conn, js := m.nats.js()
	defer conn.Close()
	_, err := js.Stream(context.Background(), "MALLBOTS_"+strings.ToUpper(module))
	return err == nil
}

// deleteConsumers has every stream delivered again from its beginning.
func (m *mall) deleteConsumers() (deleted int) {
	m.t.Helper()
	conn, js := m.nats.js()
	defer conn.Close()
	for module, sources := range hears {
		for _, source := range sources {
			require.NoError(m.t, js.DeleteConsumer(context.Background(), "MALLBOTS_"+strings.ToUpper(source), module+"_"+source))
			deleted++
		}
	}
	m.healed = time.Now()
	return deleted
}

// republish puts the newest messages of a stream into it once more, as somebody
// might who has the right to.
func (m *mall) republish(module string, most uint64) (times int) {
	m.t.Helper()
	conn, js := m.nats.js()
	defer conn.Close()
	ctx := context.Background()
	stream, err := js.Stream(ctx, "MALLBOTS_"+strings.ToUpper(module))
	require.NoError(m.t, err)
	last := stream.CachedInfo().State.LastSeq
	for sequence := last - min(most, last) + 1; sequence <= last; sequence++ {
		stored, err := stream.GetMsg(ctx, sequence)
		require.NoError(m.t, err)
		again := nats.NewMsg(stored.Subject)
		again.Header, again.Data = nats.Header{}, stored.Data
		for name, values := range stored.Header {
			if !strings.HasPrefix(name, "Nats-") {
				again.Header[name] = values
			}
		}
		again.Header.Set("Nats-Msg-Id", uuid.Must(uuid.NewV7()).String()) // else the server drops it
		again.Header["ce-id"] = again.Header["Nats-Msg-Id"]               // else it is a forgery, see the poison
		_, err = js.PublishMsg(ctx, again, jetstream.WithRetryAttempts(0))
		require.NoError(m.t, err)
		times++
	}
	m.healed = time.Now()
	return times
}
