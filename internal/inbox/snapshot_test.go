package inbox

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/broker"
)

// snapshot is price, as the absolute state of its key.
func snapshot(key string, sequence int64) broker.Message {
	m := price(key, sequence)
	m.Header[broker.HeaderSnapshot] = "1"
	return m
}

// had requires that a key has had these effects, in this order.
func (b *bench) had(key string, sequences ...int64) {
	b.t.Helper()
	require.Equal(b.t, sequences, b.effectsOf(key))
}

func TestASnapshotIsWhereAKeyThatWasNeverSeenBegins(t *testing.T) {
	t.Parallel()
	onBoth(t, func(b *bench) {
		b.start()
		began := time.Now()
		b.acked(b.deliver(snapshot("first", 7)), b.deliver(price("first", 8)))
		b.had("first", 7, 8)
		require.Equal(b.t, gate{8, open}, b.gate("first"))

		b.in.settings.gap = time.Minute // what came before the snapshot is not waited for
		b.acked(b.deliver(price("late", 5)), b.deliver(price("late", 6)), b.deliver(snapshot("late", 7)), b.deliver(price("late", 8)))
		b.had("late", 7, 8)
		b.acked(b.deliver(price("late", 6)), b.deliver(snapshot("late", 7)))
		b.had("late", 7, 8)
		require.Less(b.t, time.Since(began), 30*time.Second)
		require.Empty(b.t, b.letters(""))
	})
}

func TestASnapshotIsTheNextOfAKeyThatIsKnown(t *testing.T) {
	t.Parallel()
	onBoth(t, func(b *bench) {
		b.start()
		b.acked(b.deliver(price("ada", 1)), b.deliver(snapshot("ada", 2)), b.deliver(price("ada", 3)))
		b.applied("ada", 3)
		b.in.settings.gap = time.Minute
		early := b.deliver(snapshot("ada", 5))
		time.AfterFunc(50*time.Millisecond, func() { b.deliver(price("ada", 4)) })
		b.acked(early)
		b.applied("ada", 5)
	})
}

// A consumer was away for longer than the stream keeps messages.
func TestASnapshotClosesAGapThatNobodyCanFill(t *testing.T) {
	t.Parallel()
	onBoth(t, func(b *bench) {
		b.start()
		b.acked(b.deliver(price("ada", 1)), b.deliver(price("ada", 4)), b.deliver(price("ada", 5)))
		require.Len(b.t, b.letters(CauseGap), 1)
		b.acked(b.deliver(price("ada", 8)), b.deliver(snapshot("ada", 7)))
		b.eventually(func() bool { return b.gate("ada") == gate{8, open} })
		b.had("ada", 1, 7, 8)
		require.Empty(b.t, b.letters(""))
		require.Empty(b.t, b.letters(CauseHeld))
		require.Equal(b.t, map[string]int{"applied": 3, "superseded": 2}, b.statuses("ada"))
	})
}

// What an operator has to decide about is not decided by a snapshot.
func TestASnapshotWaitsBehindADeadLetter(t *testing.T) {
	t.Parallel()
	onBoth(t, func(b *bench) {
		b.start()
		bad := price("ada", 1)
		bad.Data = []byte{0xff}
		b.acked(b.deliver(bad), b.deliver(snapshot("ada", 2)), b.deliver(snapshot("ada", 9)))
		require.Len(b.t, b.letters(CauseUndecodable), 1)
		require.Len(b.t, b.letters(CauseHeld), 2)
		require.NoError(b.t, b.in.Discard(b.t.Context(), b.letters("")[0].ID, "unreadable"))
		b.had("ada", 2, 9)
		require.Equal(b.t, gate{9, open}, b.gate("ada"))
	})
}
