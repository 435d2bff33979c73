// Package broker is the way events take between modules: NATS JetStream, in
// this process by default or an external server or cluster by URL.
//
// Every producing module owns one stream, MALLBOTS_<MODULE>, with the subjects
// mallbots.<module>.>. It keeps messages for a time, whether anybody consumed
// them or not, and refuses new ones rather than drop old ones. Nobody but the
// module's outbox relay writes to it, and the relay says with each write which
// sequence it believes to be the last: a relay that lost its place is refused
// instead of mixing up the order.
//
//	b, err := broker.Embedded(ctx, "data/nats", log)
//	stream := b.Stream("baskets")
//	err = stream.Ensure(ctx)
//	last, err := stream.Append(ctx, last, messages)           // all or none
//	err = b.Subscribe(ctx, "ordering", "baskets", deliver)    // until ctx ends
//
// The broker is a transport. What it has lost can be published again from the
// databases of the producers; what it delivers twice, the inbox recognises.
package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// MaxMessage is the most that a message may hold, headers included, in bytes.
// A check-out of 200 lines with the longest names, in letters of four bytes, takes
// some 340 KiB.
const MaxMessage = 512 << 10

// request is how long one answer of the server is waited for.
const request = 5 * time.Second

// Header is what a message says about itself. Names are lower case.
type Header map[string]string

// Message is one event on its way.
type Message struct {
	Subject  string
	ID       string // the id by which duplicates are recognised: Nats-Msg-Id
	Header   Header
	Data     []byte
	Sequence uint64 // its place in the stream; 0 before it is stored
}

// Broker is a connection to JetStream, and the server itself when that is
// embedded for it alone. Its methods may be called from many goroutines.
type Broker struct {
	log      *slog.Logger
	url      string
	where    string       // url without secrets
	embedded *localServer // nil when the server is external
	server   *Server      // the embedded one, when it belongs to this connection
	login    []nats.Option
	health   *health
	link     atomic.Pointer[link]
	stop     context.CancelFunc

	making chan struct{} // held by who makes consumers, see Rewind

	mu       sync.Mutex
	seen     map[string]bool // streams that existed at some time since the start
	replicas int             // copies of each stream; 0 is what Replicas says of it

	refused time.Time          // when the server last refused something for want of rights
	session context.Context    // of the present connection; it ends when that is lost
	end     context.CancelFunc // ends it
}

// open connects b, in process when the server is embedded.
func open(ctx context.Context, b *Broker) (*Broker, error) {
	b.health, b.seen, b.making = newHealth(), map[string]bool{}, make(chan struct{}, 1)
	if b.where = shown(b.url); b.embedded != nil {
		b.where = "the embedded server"
	}
	b.session, b.end = context.WithCancel(context.WithoutCancel(ctx))
	if err := b.dial(); err != nil {
		return nil, err
	}
	ctx, b.stop = context.WithCancel(context.WithoutCancel(ctx))
	go b.watch(ctx)
	return b, nil
}

// Close lets what was sent arrive, closes the connection and stops the
// embedded server. Subscriptions end with their own contexts, which should
// have ended before.
func (b *Broker) Close(ctx context.Context) error {
	b.stop()
	var err error
	l := b.link.Load()
	switch drain := l.conn.Drain(); {
	case drain == nil:
		select {
		case <-l.closed:
		case <-ctx.Done():
			err = fmt.Errorf("broker: drain: %w", ctx.Err())
			l.conn.Close()
		}
	case errors.Is(drain, nats.ErrConnectionClosed), errors.Is(drain, nats.ErrConnectionReconnecting):
		l.conn.Close()
	default:
		err = fmt.Errorf("broker: drain: %w", drain)
		l.conn.Close()
	}
	if b.server != nil {
		err = errors.Join(err, b.server.Close())
	}
	return err
}

// Replicas says how many copies of each stream there shall be, from 1 to 5, before
// any is ensured. If nobody says it, a stream is created with three in a cluster
// and one elsewhere, and the copies of an existing one are left as they are.
func (b *Broker) Replicas(copies int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.replicas = copies
}

// copies is what was said by Replicas, 0 if nothing.
func (b *Broker) copies() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.replicas
}

// streamName is what a module's stream is called.
func streamName(module string) string {
	return "MALLBOTS_" + strings.ToUpper(module)
}

// subjects are all that a module's events can have.
func subjects(module string) string {
	return "mallbots." + module + ".>"
}

// know remembers that a stream exists.
func (b *Broker) know(stream string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seen[stream] = true
}

// known says whether a stream ever existed since the start.
func (b *Broker) known(stream string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.seen[stream]
}

// errLost is why an answer will not come.
var errLost = errors.New("the connection was lost")

// connected begins a session, if the last one has ended.
func (b *Broker) connected() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.session.Err() == nil {
		return
	}
	b.session, b.end = context.WithCancel(context.WithoutCancel(b.session))
}

// disconnected ends the session, and with it the requests that wait for an
// answer: none comes on another connection.
func (b *Broker) disconnected() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.end()
}

// present is the session of this moment.
func (b *Broker) present() context.Context {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.session
}

// within is ctx, but not longer than the session.
func (b *Broker) within(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(b.present(), func() { cancel(errLost) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// why is the reason of an error that ended ctx, if ctx knows a better one.
func why(ctx context.Context, err error) error {
	if errors.Is(err, context.Canceled) && errors.Is(context.Cause(ctx), errLost) {
		return errLost
	}
	return err
}
