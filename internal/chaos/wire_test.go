//go:build chaos

package chaos

import (
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The two directions of a wire.
const (
	toServer = iota
	toMall
)

// wire is the network between the mall and one server, at its worst. What is
// held is not lost: TCP would send it again, so it arrives when the wire heals,
// however late, and so does the end of a connection.
type wire struct {
	network, server string
	listener        net.Listener
	mu              sync.Mutex
	now             weather
	changed         chan struct{} // closed when the weather changes
	strands         map[*strand]bool
}

// weather is how a wire is.
type weather struct {
	latency time.Duration // of each byte, in each direction
	jitter  time.Duration // at most so much more, by chance
	rate    int           // bytes a second and connection; 0 is no limit
	held    [2]bool       // nothing arrives in this direction
	lateEnd time.Duration // how much later than the last byte the end arrives
}

// partition lets nothing through, and says nothing about it.
var partition = weather{held: [2]bool{true, true}}

// newWire puts a wire in front of a server.
func newWire(t *testing.T, network, server string) *wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &wire{network: network, server: server, listener: listener, changed: make(chan struct{}), strands: map[*strand]bool{}}
	go w.accept()
	t.Cleanup(func() {
		_ = listener.Close()
		w.become(weather{})
		w.reset()
	})
	return w
}

func (w *wire) address() string { return w.listener.Addr().String() }

func (w *wire) accept() {
	for {
		near, err := w.listener.Accept()
		if err != nil {
			return
		}
		go w.connect(near)
	}
}

// connect is not answered by the server before a word of it gets through.
func (w *wire) connect(near net.Conn) {
	w.arrives(toServer, time.Now())
	far, err := net.Dial(w.network, w.server)
	if err != nil {
		hangUp(near)
		return
	}
	s := &strand{near: near, far: far}
	w.mu.Lock()
	w.strands[s] = true
	drop(near, w.now.held[toServer])
	w.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { w.carry(s, toServer, near, far) })
	both.Go(func() { w.carry(s, toMall, far, near) })
	both.Wait()
	_ = near.Close()
	_ = far.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.strands, s)
}

// become changes the weather.
func (w *wire) become(now weather) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = now
	w.deafen()
	close(w.changed)
	w.changed = make(chan struct{})
}

// deafen has the kernel drop what the mall sends before it is acknowledged, as
// long as that is held, so that the mall's kernel has to repeat it.
func (w *wire) deafen() {
	for s := range w.strands {
		drop(s.near, w.now.held[toServer] || s.deaf)
	}
	drop(w.listener, w.now.held[toServer])
}

// reset cuts every connection, with a word to both ends.
func (w *wire) reset() (cut int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for s := range w.strands {
		hangUp(s.near)
		hangUp(s.far)
	}
	return len(w.strands)
}

// forget loses every connection there is, without a word to either end, as a
// firewall does that was restarted. New ones are carried. A proxy that loses the
// server behind it so goes on acknowledging what the mall sends.
func (w *wire) forget(acknowledging bool) (lost int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for s := range w.strands {
		if s.forgotten.Swap(true) {
			continue
		}
		s.deaf = !acknowledging
		drop(s.near, s.deaf)
		lost++
	}
	return lost
}
