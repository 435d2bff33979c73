package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// link is one connection. It reconnects by itself, for ever; only when it is
// closed for good does another take its place.
type link struct {
	conn   *nats.Conn
	js     jetstream.JetStream
	closed chan struct{} // closed when the connection is
}

func (b *Broker) conn() *nats.Conn { return b.link.Load().conn }

func (b *Broker) js() jetstream.JetStream { return b.link.Load().js }

// Connected says whether there is a connection at this moment.
func (b *Broker) Connected() bool { return b.conn().IsConnected() }

// dial makes a new link the one in use.
func (b *Broker) dial() error {
	where := shown(b.url)
	if b.embedded != nil {
		where = "the embedded server"
	}
	l := &link{closed: make(chan struct{})}
	var err error
	if l.conn, err = nats.Connect(b.url, b.options(where, l.closed)...); err != nil {
		return fmt.Errorf("broker: connect to %s: %w", where, withoutURL(err))
	}
	if l.js, err = jetstream.New(l.conn, jetstream.WithDefaultTimeout(request)); err != nil {
		l.conn.Close()
		return fmt.Errorf("broker: %w", err)
	}
	b.link.Store(l)
	if l.conn.IsConnected() {
		b.connected()
		b.health.set("connection", nil)
	}
	return nil
}

const (
	// sick is how long the embedded server may be unwell before it is restarted.
	sick = 2 * time.Second
	// room is what must be free on its disk for that, in bytes: a restart does
	// not mend a full disk.
	room = 8 << 20
	// The pauses between two restarts that did not help.
	firstRest, longestRest = 5 * time.Second, time.Minute
)

// watch keeps the health up to date for HealthySince, and mends what does not
// mend itself: a connection that was closed for good, and an embedded server
// that could not write, which stays broken until it is started again.
func (b *Broker) watch(ctx context.Context) {
	every := time.NewTicker(500 * time.Millisecond)
	defer every.Stop()
	var since, again time.Time // unwell since; not restarted before
	rest := firstRest
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		b.redial()
		if b.embedded == nil {
			continue
		}
		problem := b.embedded.healthy()
		b.health.set("server", problem)
		now := time.Now()
		switch {
		case problem == nil:
			since = time.Time{}
			if now.After(again) {
				rest = firstRest
			}
			continue
		case since.IsZero():
			since = now
		}
		if now.Sub(since) < sick || now.Before(again) || b.embedded.cramped() {
			continue
		}
		b.log.Warn("broker: starting the embedded server again", "error", problem)
		err := b.embedded.restart(ctx)
		if err != nil {
			b.log.Error("broker: the embedded server did not start", "error", err, "again in", rest)
		}
		again, since = time.Now().Add(rest), time.Time{}
		rest = min(2*rest, longestRest)
	}
}

// redial replaces a connection that was closed for good.
func (b *Broker) redial() {
	select {
	case <-b.link.Load().closed:
	default:
		return
	}
	b.log.Warn("broker: the connection was closed, opening another")
	if err := b.dial(); err != nil {
		b.health.set("connection", errors.Join(errors.New("the connection was closed"), err))
	}
}
