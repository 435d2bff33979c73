package broker

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSubscribeDeliversInOrderAndGoesOn(t *testing.T) {
	each(t, func(t *testing.T, b *Broker) {
		s := ensured(t, b, "baskets")
		messages := some("m", 300)
		_, err := s.Append(t.Context(), 0, messages)
		require.NoError(t, err)

		rounds := 0
		quickly(t, AckWait/2, func() time.Duration {
			rounds++
			durable := fmt.Sprint("ordering", rounds)
			pending := func(n uint64) func() bool {
				return func() bool {
					left, err := b.Pending(t.Context(), durable, "baskets")
					return err == nil && left == n
				}
			}
			ctx, cancel := context.WithCancel(t.Context())
			handled := 0
			require.NoError(t, b.Subscribe(ctx, durable, "baskets", func(d *Delivery) {
				require.EqualValues(t, handled+1, d.Sequence)
				require.Equal(t, messages[handled].ID, d.ID)
				require.Zero(t, d.Redelivered)
				require.NoError(t, d.InProgress())
				require.NoError(t, d.Ack())
				if handled++; handled == 100 {
					cancel()
				}
			}))
			require.Equal(t, 100, handled)
			require.Eventually(t, pending(200), patience, time.Millisecond)

			// What the first one had fetched and not handled comes at once.
			arrived := collect(t, b, durable, "baskets")
			started := time.Now()
			seen := map[uint64]bool{} // in whatever order: redelivery keeps none
			for len(seen) < 200 {
				seen[next(t, arrived, patience).Sequence] = true
			}
			took := time.Since(started)
			require.Eventually(t, pending(0), patience, time.Millisecond)
			return took
		})
	})
}

func TestSubscribeWaitsForTheStream(t *testing.T) {
	b := embedded(t)
	arrived := collect(t, b, "ordering", "baskets")
	require.Eventually(t, func() bool { return len(b.Waiting()) == 1 }, patience, time.Millisecond)
	require.Equal(t, "consumer ordering of MALLBOTS_BASKETS: waiting for stream", b.Waiting()[0])
	require.NoError(t, b.Health(), "who waits is not ill")
	pending, err := b.Pending(t.Context(), "ordering", "baskets")
	require.NoError(t, err)
	require.Zero(t, pending)

	s := ensured(t, b, "baskets")
	_, err = s.Append(t.Context(), 0, some("a", 1))
	require.NoError(t, err)
	require.Equal(t, "a0", string(next(t, arrived, patience).Data))
	require.Empty(t, b.Waiting())
}

func TestSubscribeSurvivesItsConsumersDeath(t *testing.T) {
	each(t, func(t *testing.T, b *Broker) {
		s := ensured(t, b, "baskets")
		last, err := s.Append(t.Context(), 0, some("a", 1))
		require.NoError(t, err)
		arrived := collect(t, b, "ordering", "baskets")
		next(t, arrived, patience)

		require.NoError(t, b.js().DeleteConsumer(t.Context(), "MALLBOTS_BASKETS", "ordering"))
		_, err = s.Append(t.Context(), last, some("b", 1))
		require.NoError(t, err)
		require.Equal(t, "a0", string(next(t, arrived, patience).Data), "a new consumer begins at the beginning")
		require.Equal(t, "b0", string(next(t, arrived, patience).Data))
		connected(t, b)
	})
}

func TestSubscribeSurvivesTheStreamsDeath(t *testing.T) {
	each(t, func(t *testing.T, b *Broker) {
		s := ensured(t, b, "baskets")
		before := s.Epoch()
		_, err := s.Append(t.Context(), 0, some("a", 2))
		require.NoError(t, err)
		arrived := collect(t, b, "ordering", "baskets")
		next(t, arrived, patience)
		next(t, arrived, patience)

		require.NoError(t, b.js().DeleteStream(t.Context(), "MALLBOTS_BASKETS"))
		require.Eventually(t, func() bool {
			err := b.Health()
			return err != nil && strings.Contains(err.Error(), "consumer ordering of MALLBOTS_BASKETS") && b.HealthySince().IsZero()
		}, patience, time.Millisecond)
		require.NoError(t, s.Ensure(t.Context()))
		require.NotEqual(t, before, s.Epoch(), "a new life has a new epoch")
		_, err = s.Append(t.Context(), 0, some("b", 1))
		require.NoError(t, err)
		require.Equal(t, "b0", string(next(t, arrived, patience).Data))
		connected(t, b) // it is ill while the server removes the files of the first life
	})
}

func TestSubscribeSurvivesTheServersRestart(t *testing.T) {
	e := newExternal(t)
	e.start(t)
	b, err := Connect(t.Context(), e.url(), quiet())
	require.NoError(t, err)
	t.Cleanup(func() { closeBroker(t, b) })
	s := ensured(t, b, "baskets")
	last, err := s.Append(t.Context(), 0, some("a", 1))
	require.NoError(t, err)
	arrived := collect(t, b, "ordering", "baskets")
	next(t, arrived, patience)

	for range 2 {
		e.stop()
		require.Eventually(t, func() bool { return b.Health() != nil }, patience, time.Millisecond)
		e.start(t)
		require.Eventually(t, func() bool { return b.Health() == nil }, patience, time.Millisecond)
		messages := some("b", 1)
		last, err = s.Append(t.Context(), last, messages)
		require.NoError(t, err)
		for { // the acknowledgement before may have been forgotten
			if d := next(t, arrived, patience); d.ID == messages[0].ID {
				break
			}
		}
	}
}

func TestNakComesAgain(t *testing.T) {
	b := embedded(t)
	s := ensured(t, b, "baskets")
	arrived := collect(t, b, "ordering", "baskets")
	last := uint64(0)
	quickly(t, time.Second, func() time.Duration {
		var err error
		last, err = s.Append(t.Context(), last, some("a", 1))
		require.NoError(t, err)
		first := take(t, arrived, patience)
		began := time.Now()
		require.NoError(t, first.Nak(50*time.Millisecond))
		again := next(t, arrived, patience)
		took := time.Since(began)
		require.Equal(t, first.ID, again.ID)
		require.Equal(t, 1, again.Redelivered)
		return took
	})
}
