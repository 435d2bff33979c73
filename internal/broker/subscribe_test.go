package broker

import (
	"context"
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

		ctx, cancel := context.WithCancel(t.Context())
		handled := 0
		require.NoError(t, b.Subscribe(ctx, "ordering", "baskets", func(d *Delivery) {
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
		require.Eventually(t, func() bool {
			pending, err := b.Pending(t.Context(), "ordering", "baskets")
			return err == nil && pending == 200
		}, time.Second, time.Millisecond)

		// What the first one had fetched and not handled comes at once.
		arrived := collect(t, b, "ordering", "baskets")
		started := time.Now()
		seen := map[uint64]bool{} // in whatever order: redelivery keeps none
		for len(seen) < 200 {
			seen[next(t, arrived, 10*time.Second).Sequence] = true
		}
		require.Less(t, time.Since(started), AckWait/2)
		require.Eventually(t, func() bool {
			pending, err := b.Pending(t.Context(), "ordering", "baskets")
			return err == nil && pending == 0
		}, time.Second, time.Millisecond)
	})
}

func TestSubscribeWaitsForTheStream(t *testing.T) {
	b := embedded(t)
	arrived := collect(t, b, "ordering", "baskets")
	require.Eventually(t, func() bool { return len(b.Waiting()) == 1 }, time.Second, time.Millisecond)
	require.Equal(t, "consumer ordering of MALLBOTS_BASKETS: waiting for stream", b.Waiting()[0])
	require.NoError(t, b.Health(), "who waits is not ill")
	pending, err := b.Pending(t.Context(), "ordering", "baskets")
	require.NoError(t, err)
	require.Zero(t, pending)

	s := ensured(t, b, "baskets")
	_, err = s.Append(t.Context(), 0, some("a", 1))
	require.NoError(t, err)
	require.Equal(t, "a0", string(next(t, arrived, 2*time.Second).Data))
	require.Empty(t, b.Waiting())
}

func TestSubscribeSurvivesItsConsumersDeath(t *testing.T) {
	each(t, func(t *testing.T, b *Broker) {
		s := ensured(t, b, "baskets")
		last, err := s.Append(t.Context(), 0, some("a", 1))
		require.NoError(t, err)
		arrived := collect(t, b, "ordering", "baskets")
		next(t, arrived, time.Second)

		require.NoError(t, b.js().DeleteConsumer(t.Context(), "MALLBOTS_BASKETS", "ordering"))
		_, err = s.Append(t.Context(), last, some("b", 1))
		require.NoError(t, err)
		require.Equal(t, "a0", string(next(t, arrived, 5*time.Second).Data), "a new consumer begins at the beginning")
		require.Equal(t, "b0", string(next(t, arrived, 5*time.Second).Data))
		require.NoError(t, b.Health())
	})
}

func TestSubscribeSurvivesTheStreamsDeath(t *testing.T) {
	each(t, func(t *testing.T, b *Broker) {
		s := ensured(t, b, "baskets")
		before := s.Epoch()
		_, err := s.Append(t.Context(), 0, some("a", 2))
		require.NoError(t, err)
		arrived := collect(t, b, "ordering", "baskets")
		next(t, arrived, time.Second)
		next(t, arrived, time.Second)

		require.NoError(t, b.js().DeleteStream(t.Context(), "MALLBOTS_BASKETS"))
		require.Eventually(t, func() bool {
			err := b.Health()
			return err != nil && strings.Contains(err.Error(), "consumer ordering of MALLBOTS_BASKETS")
		}, 5*time.Second, time.Millisecond)
		require.True(t, b.HealthySince().IsZero())
		require.NoError(t, s.Ensure(t.Context()))
		require.NotEqual(t, before, s.Epoch(), "a new life has a new epoch")
		_, err = s.Append(t.Context(), 0, some("b", 1))
		require.NoError(t, err)
		require.Equal(t, "b0", string(next(t, arrived, 5*time.Second).Data))
		require.NoError(t, b.Health())
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
	next(t, arrived, time.Second)

	for range 2 {
		e.stop()
		require.Eventually(t, func() bool { return b.Health() != nil }, 2*time.Second, time.Millisecond)
		e.start(t)
		require.Eventually(t, func() bool { return b.Health() == nil }, 5*time.Second, time.Millisecond)
		messages := some("b", 1)
		last, err = s.Append(t.Context(), last, messages)
		require.NoError(t, err)
		for { // the acknowledgement before may have been forgotten
			if d := next(t, arrived, 5*time.Second); d.ID == messages[0].ID {
				break
			}
		}
	}
}

func TestNakComesAgain(t *testing.T) {
	b := embedded(t)
	s := ensured(t, b, "baskets")
	_, err := s.Append(t.Context(), 0, some("a", 1))
	require.NoError(t, err)
	arrived := collect(t, b, "ordering", "baskets")
	first := <-arrived
	require.NoError(t, first.Nak(50*time.Millisecond))
	again := next(t, arrived, time.Second)
	require.Equal(t, first.ID, again.ID)
	require.Equal(t, 1, again.Redelivered)
}
