package outbox

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"mallbots/internal/broker"
	"mallbots/internal/broker/brokertest"
	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

// everything is what a stream holds.
func everything(t *testing.T, r *Relay) []broker.Message {
	t.Helper()
	var all []broker.Message
	for from := uint64(1); ; {
		page, err := r.stream.Read(t.Context(), from, broker.MaxBatch)
		require.NoError(t, err)
		all = append(all, page...)
		if len(page) < broker.MaxBatch {
			return all
		}
		from = page[len(page)-1].Sequence + 1
	}
}

// perKey is what a consumer makes of a stream that knows the gate's rule: the
// names of each key's events in the order in which it applies them.
func perKey(t *testing.T, r *Relay) map[string][]string {
	t.Helper()
	applied := map[string][]string{}
	held := map[string]map[int64]string{}
	for _, m := range everything(t, r) {
		envelope, err := m.Open()
		if err != nil {
			continue
		}
		var event storesv1.StoreRebranded
		require.NoError(t, proto.Unmarshal(m.Data, &event))
		if held[envelope.Key] == nil {
			held[envelope.Key] = map[int64]string{}
		}
		if envelope.Sequence > int64(len(applied[envelope.Key])) {
			held[envelope.Key][envelope.Sequence] = event.GetName()
		}
		for next := int64(len(applied[envelope.Key])) + 1; ; next++ {
			name, there := held[envelope.Key][next]
			if !there {
				break
			}
			applied[envelope.Key] = append(applied[envelope.Key], name)
			delete(held[envelope.Key], next)
		}
	}
	for key, waiting := range held {
		require.Empty(t, waiting, "what waits behind a gap of %s", key)
	}
	return applied
}

func numbers(first, last int) (all []string) {
	for i := first; i <= last; i++ {
		all = append(all, fmt.Sprint(i))
	}
	return all
}

// deletable makes the server delete messages, which streams of the mall refuse.
func deletable(t *testing.T, js jetstream.JetStream, name string, sequences ...uint64) {
	t.Helper()
	ctx := t.Context()
	stream, err := js.Stream(ctx, name)
	require.NoError(t, err)
	for _, sequence := range sequences {
		require.NoError(t, stream.DeleteMsg(ctx, sequence))
	}
}

// loose creates a stream as the relay would, but one whose messages can be
// deleted, as damage does.
func loose(t *testing.T, js jetstream.JetStream, name string, like jetstream.StreamConfig) {
	t.Helper()
	like.DenyDelete, like.DenyPurge = false, false
	require.NoError(t, js.DeleteStream(t.Context(), name))
	_, err := js.CreateStream(t.Context(), like)
	require.NoError(t, err)
}

func TestHolesWithinTheStreamAreFilled(t *testing.T) {
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
		loose(t, js, r.stream.Name(), stream.CachedInfo().Config) // the same epoch
		_, err = r.stream.Append(ctx, 0, page)
		require.NoError(t, err)
		deletable(t, js, r.stream.Name(), 3, 4, 17, 30, 40)

		put(t, db, "s1", 21, 22)
		next := newRelay(db, server.Connect())
		stop = start(t, next)
		empty(t, next)
		require.Len(t, everything(t, next), 37, "the server remembers the ids, and takes none of them again")
		server.Stop() // it rebuilds what it remembers from what it holds, as it does after damage
		server.Start()
		require.Eventually(t, func() bool {
			state, err := next.stream.(surveyor).State(ctx)
			return err == nil && state.Messages == 42
		}, long, 10*time.Millisecond)
		require.Equal(t, map[string][]string{"s1": numbers(1, 22), "s2": numbers(1, 20)}, perKey(t, next))

		last, err := next.stream.Last(ctx)
		require.NoError(t, err)
		require.EqualValues(t, 47, last, "five of them are there again, once, though the holes stay")
		stop()

		again := newRelay(db, server.Connect()) // what it publishes again is not lost
		stop = start(t, again)
		put(t, db, "s1", 23, 23)
		empty(t, again)
		stop()
		require.Equal(t, map[string][]string{"s1": numbers(1, 23), "s2": numbers(1, 20)}, perKey(t, again))
		last, err = again.stream.Last(ctx)
		require.NoError(t, err)
		require.EqualValues(t, 48, last)
	})
}

// While nothing is published, a running relay notices by itself.
func TestAnIdleRelayNoticesWhatTheStreamLost(t *testing.T) {
	each(t, func(t *testing.T, db database.DB) {
		ctx := t.Context()
		server := brokertest.NewExternal(t)
		js := operator(t, server)
		r := newRelay(db, server.Connect())
		start(t, r)
		put(t, db, "s1", 1, 10)
		empty(t, r)
		stream, err := js.Stream(ctx, r.stream.Name())
		require.NoError(t, err)
		config := stream.CachedInfo().Config
		require.NoError(t, js.DeleteStream(ctx, r.stream.Name()))
		there := func() bool {
			info, err := js.Stream(ctx, r.stream.Name())
			return err == nil && info.CachedInfo().State.Msgs == 10
		}
		require.Eventually(t, there, long, 10*time.Millisecond, "the stream was deleted")
		require.Eventually(t, func() bool { return r.Health() == nil }, long, 10*time.Millisecond)

		loose(t, js, r.stream.Name(), config) // empty, and of the first epoch
		require.Eventually(t, there, long, 10*time.Millisecond, "the stream was emptied")
		require.Equal(t, map[string][]string{"s1": numbers(1, 10)}, perKey(t, r))
	})
}

// The producer's database is restored to an earlier time. Consumers have seen
// what it has lost, and must neither wait for ever nor take what is new for what
// they have seen.
func TestAProducerThatWasRestoredGoesOnBehindWhatItLost(t *testing.T) {
	each(t, func(t *testing.T, db database.DB) {
		server := brokertest.NewExternal(t)
		r := newRelay(db, server.Connect())
		stop := start(t, r)
		put(t, db, "s1", 1, 5)
		put(t, db, "s2", 1, 3)
		empty(t, r)
		stop()
		put(t, db, "s2", 4, 4) // committed, and not sent when the backup is made
		restore := databasetest.Backup(t, db, "outbox", "outbox_keys", "outbox_sent")

		stop = start(t, newRelay(db, server.Connect()))
		put(t, db, "s1", 6, 9)
		put(t, db, "s3", 1, 2) // a key that the backup does not know
		put(t, db, "s2", 5, 5)
		empty(t, r)
		stop()

		restore()
		put(t, db, "s1", 100, 101) // numbered 6 and 7, like what was lost
		put(t, db, "s3", 100, 100)
		put(t, db, "s4", 1, 1)

		next := newRelay(db, server.Connect())
		stop = start(t, next)
		empty(t, next)
		put(t, db, "s2", 100, 100)
		put(t, db, "s1", 102, 102)
		empty(t, next)
		want := map[string][]string{
			"s1": append(numbers(1, 9), "100", "101", "102"), "s2": append(numbers(1, 5), "100"),
			"s3": {"1", "2", "100"}, "s4": {"1"},
		}
		require.Equal(t, want, perKey(t, next))

		lost, err := LostMessages(t.Context(), db, "", 100)
		require.NoError(t, err)
		count := map[string]int{}
		for _, l := range lost {
			require.EqualValues(t, 2, l.Epoch)
			require.NotEmpty(t, l.Message.Data)
			count[l.Key]++
		}
		require.Equal(t, map[string]int{"s1": 4, "s2": 1, "s3": 2}, count)
		stop()

		again := newRelay(db, server.Connect()) // it has dealt with that, and says nothing more
		stop = start(t, again)
		put(t, db, "s3", 101, 101)
		empty(t, again)
		stop()
		want["s3"] = append(want["s3"], "101")
		require.Equal(t, want, perKey(t, again))
		after, err := LostMessages(t.Context(), db, "", 100)
		require.NoError(t, err)
		require.Equal(t, lost, after)

		// A second restore, to the same moment: another epoch, and what the first
		// one lost is lost again.
		restore()
		put(t, db, "s4", 100, 100)
		last := newRelay(db, server.Connect())
		stop = start(t, last)
		empty(t, last)
		stop()
		want["s4"] = append(want["s4"], "100")
		require.Equal(t, want, perKey(t, last))
	})
}

// What somebody else writes is not the module's; consumers who take it for the
// next of its key go on behind it all the same.
func TestAForgedMessageDoesNotStealASequence(t *testing.T) {
	each(t, func(t *testing.T, db database.DB) {
		ctx := t.Context()
		r := newRelay(db, brokertest.Embedded(t))
		start(t, r)
		put(t, db, "s1", 1, 2)
		empty(t, r)
		forge := func(key string, sequence int64) broker.Message {
			data, err := proto.Marshal(&storesv1.StoreRebranded{StoreId: key, Name: "forged"})
			require.NoError(t, err)
			envelope := broker.Envelope{
				ID: fmt.Sprint("forged-", key, sequence), Source: "stores", Type: "mallbots.stores.v1.StoreRebranded",
				Key: key, Time: time.Now(), Sequence: sequence, CorrelationID: "c", CausationID: "c",
			}
			return broker.Message{Subject: envelope.Subject(), ID: envelope.ID, Header: maps.Clone(envelope.Headers()), Data: data}
		}
		for i, m := range []broker.Message{forge("s1", 3), forge("s1", 2)} {
			_, err := r.stream.Append(ctx, uint64(2+i), []broker.Message{m})
			require.NoError(t, err)
		}
		put(t, db, "s1", 3, 4)
		empty(t, r)
		require.Equal(t, map[string][]string{"s1": {"1", "2", "forged", "3", "4"}}, perKey(t, r))
		lost, err := LostMessages(ctx, db, "s1", 10)
		require.NoError(t, err)
		require.Len(t, lost, 2)
		require.EqualValues(t, 2, lost[0].Epoch)
		require.Zero(t, lost[1].Epoch, "a sequence that was used long ago")
	})
}
