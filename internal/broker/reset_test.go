package broker

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/freeport"
)

// door carries connections to a server while it is open.
type door struct {
	address, server string
	mu              sync.Mutex
	listener        net.Listener
	conns           []net.Conn
}

func (d *door) open(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", d.address)
	require.NoError(t, err)
	d.mu.Lock()
	d.listener = listener
	d.mu.Unlock()
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", d.server)
			if err != nil {
				_ = near.Close()
				continue
			}
			d.mu.Lock()
			d.conns = append(d.conns, near, far)
			d.mu.Unlock()
			go func() { _, _ = io.Copy(near, far) }()
			go func() { _, _ = io.Copy(far, near) }()
		}
	}()
}

// shut closes the door, and all connections through it.
func (d *door) shut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	_ = d.listener.Close()
	for _, conn := range d.conns {
		_ = conn.Close()
	}
	d.conns = nil
}

// A subscription that ends while the connection is lost leaves nothing behind to
// which the server would go on delivering.
func TestASubscriptionThatEndsWithoutAConnectionSwallowsNothing(t *testing.T) {
	e := newExternal(t)
	e.start(t)
	d := &door{address: freeport.Address(t), server: e.url()[len("nats://"):]}
	d.open(t)
	t.Cleanup(d.shut)
	b, err := Connect(t.Context(), "nats://"+d.address, quiet())
	require.NoError(t, err)
	t.Cleanup(func() { closeBroker(t, b) })
	s := ensured(t, connected(t, b), "baskets")
	last, err := s.Append(t.Context(), 0, some("a", 1))
	require.NoError(t, err)

	ctx, cancel := context.WithCancel(t.Context())
	first, ended := make(chan *Delivery, 10), make(chan error, 1)
	go func() { ended <- b.Subscribe(ctx, "ordering", "baskets", func(d *Delivery) { first <- d }) }()
	next(t, first, patience)
	before := b.present()
	d.shut()
	require.Eventually(t, func() bool { return !b.Connected() }, patience, time.Millisecond)
	cancel()
	require.NoError(t, <-ended)
	d.open(t)
	require.Eventually(t, func() bool { return b.present() != before && b.present().Err() == nil }, patience, time.Millisecond)

	arrived := collect(t, b, "ordering", "baskets")
	for range 20 {
		messages := some("b", 1)
		last, err = s.Append(t.Context(), last, messages)
		require.NoError(t, err)
		d := next(t, arrived, patience)
		for d.ID != messages[0].ID { // the first, whose acknowledgement may have been lost
			d = next(t, arrived, patience)
		}
		require.Zero(t, d.Redelivered, "it was delivered to nobody before")
	}
}
