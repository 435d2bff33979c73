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
	l := &link{closed: make(chan struct{})}
	var err error
	if l.conn, err = nats.Connect(b.url, b.options(b.where, l.closed)...); err != nil {
		return fmt.Errorf("broker: connect to %s: %w", b.where, withoutURL(err))
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

// watchEvery is how often the connection and the server are looked at.
const watchEvery = 500 * time.Millisecond

// watch keeps the health up to date for HealthySince, and replaces a connection
// that was closed for good.
func (b *Broker) watch(ctx context.Context) {
	every := time.NewTicker(watchEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		b.redial()
		b.examine()
		b.forgive()
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
