package broker

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

func TestAppendAndRead(t *testing.T) {
	each(t, func(t *testing.T, b *Broker) {
		s := ensured(t, b, "baskets")
		ctx := t.Context()

		one := some("one", 1)
		last, err := s.Append(ctx, 0, one)
		require.NoError(t, err)
		require.EqualValues(t, 1, last)

		many := some("many", MaxBatch)
		last, err = s.Append(ctx, last, many)
		require.NoError(t, err)
		require.EqualValues(t, 1+MaxBatch, last)

		stored, err := s.Read(ctx, 1, 3)
		require.NoError(t, err)
		require.Len(t, stored, 3)
		require.Equal(t, one[0].ID, stored[0].ID)
		require.Equal(t, one[0].Header, stored[0].Header, "what the server added is left out")
		require.Equal(t, one[0].Data, stored[0].Data)
		require.EqualValues(t, 1, stored[0].Sequence)
		require.Equal(t, many[1].ID, stored[2].ID)

		stored, err = s.Read(ctx, last, 10)
		require.NoError(t, err)
		require.Len(t, stored, 1, "there are no more")
		stored, err = s.Read(ctx, last+1, 10)
		require.NoError(t, err)
		require.Empty(t, stored)

		_, err = s.Append(ctx, last, some("too many", MaxBatch+1))
		require.ErrorContains(t, err, "at most 500")
		same, err := s.Append(ctx, last, nil)
		require.NoError(t, err)
		require.Equal(t, last, same)
	})
}

func TestAppendIsFenced(t *testing.T) {
	each(t, func(t *testing.T, b *Broker) {
		s := ensured(t, b, "baskets")
		ctx := t.Context()
		_, err := s.Append(ctx, 0, some("first", 2))
		require.NoError(t, err)
		for _, n := range []int{1, 5} {
			_, err = s.Append(ctx, 1, some("stale", n))
			require.ErrorIs(t, err, ErrStale)
			_, err = s.Append(ctx, 3, some("ahead", n))
			require.ErrorIs(t, err, ErrStale)
		}
		last, err := s.Last(ctx)
		require.NoError(t, err)
		require.EqualValues(t, 2, last, "nothing was stored")
	})
}

func TestAppendRefusesAStoredID(t *testing.T) {
	each(t, func(t *testing.T, b *Broker) {
		s := ensured(t, b, "baskets")
		ctx := t.Context()
		first := some("first", 2)
		last, err := s.Append(ctx, 0, first)
		require.NoError(t, err)

		batch := some("again", 3)
		batch[1].ID = first[0].ID
		_, err = s.Append(ctx, last, batch)
		require.ErrorIs(t, err, ErrDuplicate)
		at, err := s.Append(ctx, last, first[:1])
		require.ErrorIs(t, err, ErrDuplicate)
		require.EqualValues(t, 1, at, "where it is stored")
		still, err := s.Last(ctx)
		require.NoError(t, err)
		require.Equal(t, last, still, "nothing was stored")
	})
}

// A publisher that dies within a batch leaves nothing behind, and what it
// meant to say can be said one by one at once.
func TestTornBatch(t *testing.T) {
	each(t, func(t *testing.T, b *Broker) {
		s := ensured(t, b, "baskets")
		batch := some("torn", 3)
		for i, number := range []string{"1", "2"} {
			out := outgoing(batch[i])
			out.Header["Nats-Batch-Id"] = []string{"torn"}
			out.Header["Nats-Batch-Sequence"] = []string{number}
			if i == 0 {
				out.Header[jetstream.ExpectedLastSeqHeader] = []string{"0"}
			}
			require.NoError(t, b.conn().PublishMsg(out))
		}
		require.NoError(t, b.conn().Flush())
		last, err := s.Last(t.Context())
		require.NoError(t, err)
		require.Zero(t, last)
		last, err = s.Append(t.Context(), 0, batch[:1])
		require.NoError(t, err)
		last, err = s.Append(t.Context(), last, batch[1:])
		require.NoError(t, err)
		require.EqualValues(t, 3, last)
	})
}

func TestAppendWithoutAStreamOrAServer(t *testing.T) {
	e := newExternal(t)
	e.start(t)
	b, err := Connect(t.Context(), e.url(), quiet())
	require.NoError(t, err)
	defer closeBroker(t, b)
	s := connected(t, b).Stream("baskets")
	_, err = s.Append(t.Context(), 0, some("a", 1))
	require.ErrorIs(t, err, ErrNoStream)
	_, err = s.Last(t.Context())
	require.ErrorIs(t, err, ErrNoStream)

	require.NoError(t, s.Ensure(t.Context()))
	quickly(t, request, func() time.Duration {
		if e.server == nil {
			e.start(t)
			connected(t, b)
		}
		e.stop()
		started := time.Now()
		_, err = s.Append(t.Context(), 0, some("a", 2))
		require.ErrorIs(t, err, ErrUnknown)
		return time.Since(started)
	})
	require.Eventually(t, func() bool { return b.Health() != nil }, patience, time.Millisecond)

	e.start(t)
	connected(t, b)
	last, err := s.Last(t.Context())
	require.NoError(t, err)
	require.Zero(t, last, "nothing was buffered and sent late")
}

func TestEnsureUpdatesWhatMayBeUpdated(t *testing.T) {
	each(t, func(t *testing.T, b *Broker) {
		ctx := t.Context()
		_, err := b.js().CreateStream(ctx, jetstream.StreamConfig{
			Name: "MALLBOTS_BASKETS", Subjects: []string{"mallbots.baskets.>"}, MaxAge: time.Hour,
			Metadata: map[string]string{"owner": "somebody"},
		})
		require.NoError(t, err)
		s := ensured(t, b, "baskets")
		stream, err := b.js().Stream(ctx, "MALLBOTS_BASKETS")
		require.NoError(t, err)
		config := stream.CachedInfo().Config
		require.Equal(t, Retention, config.MaxAge)
		require.Equal(t, jetstream.DiscardNew, config.Discard)
		require.True(t, config.DenyDelete && config.DenyPurge && config.AllowAtomicPublish)
		require.EqualValues(t, MaxMessage, config.MaxMsgSize)
		require.Equal(t, 10*time.Minute, config.Duplicates)
		require.Equal(t, "somebody", config.Metadata["owner"])
		require.NotEmpty(t, s.Epoch())
		require.Equal(t, s.Epoch(), config.Metadata[epoch])
		require.Equal(t, s.Epoch(), ensured(t, b, "baskets").Epoch(), "once set, it stays")
	})
}

func TestEnsureRefusesAnotherKindOfStream(t *testing.T) {
	b := embedded(t)
	for name, config := range map[string]jetstream.StreamConfig{
		"storage":   {Storage: jetstream.MemoryStorage},
		"retention": {Retention: jetstream.WorkQueuePolicy},
		"subjects":  {Subjects: []string{"mallbots.baskets.v1.>"}},
	} {
		t.Run(name, func(t *testing.T) {
			config.Name = "MALLBOTS_BASKETS"
			if config.Subjects == nil {
				config.Subjects = []string{"mallbots.baskets.>"}
			}
			_, err := b.js().CreateStream(t.Context(), config)
			require.NoError(t, err)
			err = b.Stream("baskets").Ensure(t.Context())
			require.ErrorContains(t, err, name)
			require.ErrorContains(t, err, "cannot be changed")
			require.NoError(t, b.js().DeleteStream(t.Context(), config.Name))
		})
	}
}

func TestAppendEndsWithItsContext(t *testing.T) {
	b := embedded(t)
	s := ensured(t, b, "baskets")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Append(ctx, 0, some("a", 1))
	require.ErrorIs(t, err, ErrUnknown)
	require.ErrorIs(t, err, context.Canceled)
}

func TestAMessageThatIsTooLargeIsRefused(t *testing.T) {
	each(t, func(t *testing.T, b *Broker) {
		s := ensured(t, b, "baskets")
		large := some("large", 2)
		large[1].Data = make([]byte, MaxMessage+1)
		for _, messages := range [][]Message{large, large[1:]} { // in a batch, and alone
			_, err := s.Append(t.Context(), 0, messages)
			require.Error(t, err)
			last, err := s.Last(t.Context())
			require.NoError(t, err)
			require.Zero(t, last, "nothing was stored")
		}
	})
}
