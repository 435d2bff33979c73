//go:build chaos

package chaos

import (
	"io"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"syscall"
	"time"
)

// strand is one connection over a wire.
type strand struct {
	near, far net.Conn
	forgotten atomic.Bool // the network knows it no longer: what is sent vanishes for good
	deaf      bool        // and its kernel acknowledges nothing; of the wire
}

// packet is some bytes on their way, or the end behind them.
type packet struct {
	data []byte
	sent time.Time
	end  error
}

// carry brings what one end writes to the other.
func (w *wire) carry(s *strand, direction int, from, to net.Conn) {
	underway := make(chan packet, 64)
	go func() {
		defer close(underway)
		for {
			buffer := make([]byte, 16<<10)
			n, err := from.Read(buffer)
			underway <- packet{buffer[:n], time.Now(), err}
			if err != nil {
				return
			}
		}
	}()
	for p := range underway {
		w.arrives(direction, p.sent)
		if s.forgotten.Load() {
			continue
		}
		_, err := to.Write(p.data)
		switch {
		case p.end == io.EOF:
			time.Sleep(w.weather().lateEnd)
			_ = to.(interface{ CloseWrite() error }).CloseWrite()
		case p.end != nil || err != nil:
			hangUp(from)
			hangUp(to)
		}
		if rate := w.weather().rate; rate > 0 {
			time.Sleep(time.Duration(len(p.data)) * time.Second / time.Duration(rate))
		}
	}
}

func (w *wire) weather() weather {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// arrives waits until something that was sent then gets through.
func (w *wire) arrives(direction int, sent time.Time) {
	for {
		w.mu.Lock()
		now, changed := w.now, w.changed
		w.mu.Unlock()
		if !now.held[direction] {
			late := now.latency
			if now.jitter > 0 {
				late += rand.N(now.jitter)
			}
			time.Sleep(time.Until(sent.Add(late)))
			return
		}
		<-changed
	}
}

// hangUp closes a connection at once, and says so (RST).
func hangUp(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// drop has the kernel drop, or drop no longer, every segment that comes in for a
// socket. It answers none of them.
func drop(socket any, all bool) {
	raw, err := socket.(syscall.Conn).SyscallConn()
	if err != nil {
		return // it is closed
	}
	_ = raw.Control(func(fd uintptr) {
		if all {
			//lint:ignore SA1019 what replaces it makes programs, and sets none
			_ = syscall.AttachLsf(int(fd), []syscall.SockFilter{{Code: syscall.BPF_RET | syscall.BPF_K, K: 0}})
			return
		}
		//lint:ignore SA1019 as above
		_ = syscall.DetachLsf(int(fd)) // there may be none
	})
}
