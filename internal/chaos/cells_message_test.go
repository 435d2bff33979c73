//go:build chaos

package chaos

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"mallbots/internal/broker"
)

// messageCells put messages into a stream that no module has sent.
func messageCells() []cell {
	return []cell{{
		name: "poison", backends: onlyExternal, lasts: 2 * time.Second, after: discardPoison,
		strike: func(m *mall, _ *load) int { return m.poison(5) },
	}}
}

// poison publishes messages that cannot be decoded, each with a follower, under
// keys of their own; and one that is not sound at all.
func (m *mall) poison(keys int) (sent int) {
	m.t.Helper()
	conn, js := m.nats.js()
	defer conn.Close()
	m.poisoned = keys
	for range keys {
		key := uuid.NewString()
		m.known[key] = true
		for sequence := int64(1); sequence <= 2; sequence++ {
			id := uuid.Must(uuid.NewV7()).String()
			e := broker.Envelope{
				ID: id, Source: "stores", Type: "mallbots.stores.v1.StoreCreated", Key: key, Time: time.Now(), Sequence: sequence,
				CorrelationID: id, CausationID: id,
			}
			msg := nats.NewMsg(e.Subject())
			for name, value := range e.Headers() {
				msg.Header[name] = []string{value}
			}
			msg.Header.Set(nats.MsgIdHdr, id)
			msg.Data = []byte{0xff, 0xff, 0xff}
			_, err := js.PublishMsg(context.Background(), msg)
			require.NoError(m.t, err)
			sent++
		}
	}
	forged := nats.NewMsg("mallbots.stores.v1.StoreCreated.p00")
	forged.Data = []byte("not an event")
	_, err := js.PublishMsg(context.Background(), forged)
	require.NoError(m.t, err)
	m.healed = time.Now()
	return sent + 1
}

// discardPoison requires that the poisoned keys are parked, and nothing else
// is, and then gives them up as an operator would.
func discardPoison(m *mall) {
	m.t.Helper()
	require.True(m.t, m.until(60*time.Second, m.ready), "ready")
	var answer struct {
		DeadLetters []struct{ ID, Key, Cause, Module string } `json:"deadLetters"`
	}
	// Each of the two consumers of stores parks the first message of each key, and
	// the one that is not sound. The followers are held behind, and not listed.
	want := 2 * (m.poisoned + 1)
	seen := 0
	require.True(m.t, m.until(30*time.Second, func() bool {
		require.NoError(m.t, m.operate("GET", "/deadletters?limit=1000", "", &answer))
		seen = len(answer.DeadLetters)
		return seen >= want
	}), "%d of %d dead letters", seen, want)
	for _, letter := range answer.DeadLetters {
		require.True(m.t, m.known[letter.Key] || letter.Cause == "invalid-envelope", "%+v was not poisoned", letter)
	}
	m.until(30*time.Second, func() bool {
		require.NoError(m.t, m.operate("GET", "/deadletters?limit=1000", "", &answer))
		for _, letter := range answer.DeadLetters {
			_ = m.operate("POST", fmt.Sprintf("/deadletters/%s/discard", letter.ID), `{"reason":"it was poison"}`, nil)
		}
		return len(answer.DeadLetters) == 0
	})
}
