package outbox

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"mallbots/internal/broker"
	"mallbots/internal/broker/brokertest"
	"mallbots/internal/database"
)

// operator is somebody who may do what the relay may not.
func operator(t *testing.T, server *brokertest.External) jetstream.JetStream {
	t.Helper()
	conn, err := nats.Connect(server.URL())
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	return js
}

func TestStreamIsLostWhileRunning(t *testing.T) {
	each(t, func(t *testing.T, db database.DB) {
		server := brokertest.NewExternal(t)
		r := newRelay(db, server.Connect())
		stop := start(t, r)
		put(t, db, "s1", 1, 3)
		empty(t, r)
		before := r.stream.Epoch()
		require.NoError(t, operator(t, server).DeleteStream(t.Context(), r.stream.Name()))
		put(t, db, "s1", 4, 5)
		put(t, db, "s2", 1, 3)
		empty(t, r)
		require.NotEqual(t, before, r.stream.Epoch())
		stop()
		verify(t, r, map[string]int{"s1": 5, "s2": 3})
	})
}

// The broker has forgotten which ids it stored lately: only the end of the stream
// tells that a row was sent before the relay died.
func TestCrashBeyondTheWindowForDuplicates(t *testing.T) {
	each(t, func(t *testing.T, db database.DB) {
		ctx := t.Context()
		server := brokertest.NewExternal(t)
		r := newRelay(db, server.Connect())
		put(t, db, "s1", 1, 10)
		require.NoError(t, r.resume(ctx))
		js := operator(t, server)
		stream, err := js.Stream(ctx, r.stream.Name())
		require.NoError(t, err)
		config := stream.CachedInfo().Config
		config.Duplicates = 100 * time.Millisecond
		_, err = js.UpdateStream(ctx, config)
		require.NoError(t, err)
		rows, err := waiting(ctx, db, nil, 100)
		require.NoError(t, err)
		messages, err := r.messages(rows[:7])
		require.NoError(t, err)
		_, err = r.stream.Append(ctx, 0, messages)
		require.NoError(t, err)
		<-time.After(300 * time.Millisecond)

		next := newRelay(db, server.Connect())
		start(t, next)
		empty(t, next)
		verify(t, next, map[string]int{"s1": 10})
	})
}

// The stream is gone, and so is the relay that had begun to fill the new one,
// before it could note how far it was.
func TestStreamIsLostAndRefillInterrupted(t *testing.T) {
	for _, stored := range []int{0, 300} {
		each(t, func(t *testing.T, db database.DB) {
			require.NoError(t, db.InTx(t.Context(), func(tx database.Tx) error {
				for i := 1; i <= 1200; i++ {
					if err := Publish(t.Context(), tx, "s1", rebranded("s1", i)); err != nil {
						return err
					}
				}
				return nil
			}))
			first := newRelay(db, brokertest.Embedded(t))
			stop := start(t, first)
			empty(t, first)
			stop()

			second := newRelay(db, brokertest.Embedded(t))
			require.NoError(t, second.stream.Ensure(t.Context()))
			page, err := first.stream.Read(t.Context(), 1, broker.MaxBatch)
			require.NoError(t, err)
			_, err = second.stream.Append(t.Context(), 0, page[:stored])
			require.NoError(t, err)

			put(t, db, "s1", 1201, 1203)
			stop = start(t, second)
			empty(t, second)
			stop()
			verify(t, second, map[string]int{"s1": 1203})
		})
	}
}

func TestStreamHasLostItsEnd(t *testing.T) {
	each(t, func(t *testing.T, db database.DB) {
		ctx := t.Context()
		server := brokertest.NewExternal(t)
		js := operator(t, server)
		r := newRelay(db, server.Connect())
		stop := start(t, r)
		put(t, db, "s1", 1, 20)
		put(t, db, "s2", 1, 20)
		empty(t, r)
		stop()

		page, err := r.stream.Read(ctx, 1, 100)
		require.NoError(t, err)
		stream, err := js.Stream(ctx, r.stream.Name())
		require.NoError(t, err)
		require.NoError(t, js.DeleteStream(ctx, r.stream.Name()))
		_, err = js.CreateStream(ctx, stream.CachedInfo().Config) // the same epoch
		require.NoError(t, err)
		_, err = r.stream.Append(ctx, 0, page[:13])
		require.NoError(t, err)

		put(t, db, "s1", 21, 25)
		next := newRelay(db, server.Connect())
		stop = start(t, next)
		empty(t, next)
		stop()
		verify(t, next, map[string]int{"s1": 25, "s2": 20})
		again, err := next.stream.Read(ctx, 1, 40)
		require.NoError(t, err)
		for i, m := range again { // consumers may still acknowledge what they had by its sequence
			require.Equal(t, page[i].ID, m.ID, "at %d", m.Sequence)
		}
	})
}
