package broker_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"mallbots/internal/broker"
	"mallbots/internal/broker/brokertest"
)

func some(n int) []broker.Message {
	all := make([]broker.Message, n)
	for i := range all {
		all[i] = broker.Message{Subject: "mallbots.baskets.v1.BasketStarted.p07", ID: uuid.NewString(), Data: fmt.Append(nil, i)}
	}
	return all
}

// On a cluster a stream has three copies, refuses as one with one copy does, and
// goes on without one of its servers.
func TestCluster(t *testing.T) {
	cluster := brokertest.NewCluster(t)
	b := cluster.Connect()
	s := b.Stream("baskets")
	ctx := t.Context()
	require.NoError(t, s.Ensure(ctx))
	require.NoError(t, s.Ensure(ctx), "a second time changes nothing")
	copies := func() int {
		stream, err := cluster.JetStream().Stream(ctx, s.Name())
		require.NoError(t, err)
		return stream.CachedInfo().Config.Replicas
	}
	require.Equal(t, 3, copies())
	b.Replicas(1)
	require.NoError(t, s.Ensure(ctx))
	require.Equal(t, 1, copies())
	b.Replicas(3)
	require.NoError(t, s.Ensure(ctx))
	require.Equal(t, 3, copies())

	first := some(3)
	last, err := s.Append(ctx, 0, first)
	require.NoError(t, err)
	require.EqualValues(t, 3, last)
	last, err = s.Append(ctx, last, some(1))
	require.NoError(t, err)
	for _, n := range []int{1, 4} {
		_, err = s.Append(ctx, 1, some(n))
		require.ErrorIs(t, err, broker.ErrStale)
	}
	again := some(3)
	again[1].ID = first[0].ID
	_, err = s.Append(ctx, last, again)
	require.ErrorIs(t, err, broker.ErrDuplicate)
	at, err := s.Append(ctx, last, first[2:])
	require.ErrorIs(t, err, broker.ErrDuplicate)
	require.EqualValues(t, 3, at)
	stored, err := s.Read(ctx, 1, 10)
	require.NoError(t, err)
	require.Len(t, stored, 4)

	arrived := make(chan uint64, 100)
	listening, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		ended <- b.Subscribe(listening, "ordering", "baskets", func(d *broker.Delivery) {
			if d.Ack() == nil {
				arrived <- d.Sequence
			}
		})
	}()
	defer func() {
		stop()
		require.NoError(t, <-ended)
	}()
	for range 4 {
		<-arrived
	}

	cluster.Stop(0)
	began := time.Now()
	next := some(1)
	require.Eventually(t, func() bool {
		last, err = s.Last(ctx)
		if err != nil {
			return false
		}
		last, err = s.Append(ctx, last, next)
		return err == nil || last > 0 // stored now, or by an attempt before
	}, 30*time.Second, 50*time.Millisecond)
	for sequence := uint64(0); sequence < 5; {
		select {
		case sequence = <-arrived:
		case <-time.After(30 * time.Second):
			require.FailNow(t, "nothing arrived after a server was lost")
		}
	}
	t.Logf("published and consumed %s after a server was lost", time.Since(began).Round(time.Millisecond))
}
