package broker

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// connectedTo are two processes at one server, and its stream of baskets.
func connectedTo(t *testing.T) (one, other *Broker, s *Stream) {
	t.Helper()
	e := newExternal(t)
	e.start(t)
	var both []*Broker
	for range 2 {
		b, err := Connect(t.Context(), e.url(), quiet())
		require.NoError(t, err)
		t.Cleanup(func() { closeBroker(t, b) })
		both = append(both, connected(t, b))
	}
	return both[0], both[1], ensured(t, both[0], "baskets")
}

// receiving are the deliveries that colleagues share with number 7.
func receiving(t *testing.T, b *Broker) <-chan *Delivery {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ready, done, arrived := make(chan struct{}), make(chan struct{}), make(chan *Delivery, 100)
	go func() {
		defer close(done)
		b.Shared(ctx, "ordering_baskets", 7, func() { close(ready) }, func(d *Delivery) { arrived <- d })
	}()
	<-ready
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return arrived
}

// take is the next delivery, which must come within limit.
func take(t *testing.T, arrived <-chan *Delivery, limit time.Duration) *Delivery {
	t.Helper()
	select {
	case d := <-arrived:
		return d
	case <-time.After(limit):
		require.FailNow(t, "nothing arrived", "within %s", limit)
		return nil
	}
}

func TestWhatIsSharedIsSettledByTheColleague(t *testing.T) {
	one, other, s := connectedTo(t)
	shared := receiving(t, other)
	arrived := collect(t, one, "ordering_baskets", "baskets")
	messages := some("m", 3)
	messages[0].Header = Header{"ce-id": "x"}
	pending := func(n uint64) func() bool {
		return func() bool {
			left, err := other.Pending(t.Context(), "ordering_baskets", "baskets")
			return err == nil && left == n
		}
	}
	for i := range messages {
		_, err := s.Append(t.Context(), uint64(i), messages[i:i+1])
		require.NoError(t, err)
		require.NoError(t, one.Share("ordering_baskets", 7, take(t, arrived, patience)))
		d := take(t, shared, patience)
		require.Equal(t, Message{
			Subject: messages[i].Subject, ID: messages[i].ID, Header: d.Header, Data: messages[i].Data, Sequence: uint64(i + 1),
		}, d.Message, "as it was published")
		require.Equal(t, messages[i].Header["ce-id"], d.Header["ce-id"])
		require.NotContains(t, d.Header, headerAck)
		require.Zero(t, d.Redelivered)
		switch i {
		case 0:
			require.NoError(t, d.Ack())
			require.Eventually(t, pending(0), patience, time.Millisecond)
		case 1:
			rounds := 0
			quickly(t, AckWait/2, func() time.Duration {
				rounds++
				began := time.Now()
				require.NoError(t, d.Nak(0))
				again := take(t, arrived, patience)
				took := time.Since(began)
				require.Equal(t, rounds, again.Redelivered)
				require.NoError(t, one.Share("ordering_baskets", 7, again))
				d = take(t, shared, patience)
				return took
			})
			require.NoError(t, d.Ack())
		case 2:
			for range 6 { // longer than AckWait
				require.NoError(t, d.InProgress())
				<-time.After(AckWait / 4)
			}
			require.Empty(t, arrived, "it is worked on")
			require.NoError(t, d.Ack())
		}
	}
	require.Eventually(t, pending(0), patience, time.Millisecond)
}

func TestWhatNobodyReceivesIsDeliveredAgain(t *testing.T) {
	one, _, s := connectedTo(t)
	arrived := collect(t, one, "ordering_baskets", "baskets")
	_, err := s.Append(t.Context(), 0, some("m", 1))
	require.NoError(t, err)
	require.NoError(t, one.Share("ordering_baskets", 7, take(t, arrived, patience)))
	again := take(t, arrived, patience)
	require.Equal(t, 1, again.Redelivered)
	require.NoError(t, again.Ack())
}

func TestWhatIsNoDeliveryIsNotReceived(t *testing.T) {
	one, other, _ := connectedTo(t)
	shared := receiving(t, other)
	require.NoError(t, one.conn().Publish(sharedSubject("ordering_baskets", 7), []byte("hello")))
	require.NoError(t, one.conn().Flush())
	require.Empty(t, shared)
}

func TestThePartitionIsInTheSubject(t *testing.T) {
	for subject, want := range map[string]int{
		"mallbots.baskets.v1.BasketStarted.p00": 0, "mallbots.baskets.v1.BasketStarted.p31": 31,
		"mallbots.baskets.v1.BasketStarted.p32": -1, "mallbots.baskets.v1.BasketStarted": -1, "p07": -1, "a.p": -1, "a.px": -1, "a.p-1": -1,
	} {
		n, ok := Message{Subject: subject}.Partition()
		if !ok {
			n = -1
		}
		require.Equal(t, want, n, subject)
	}
}
