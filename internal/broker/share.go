package broker

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// Of several processes that work for one durable consumer, one subscribes and
// deals out what it gets. What it hands on travels as a plain message, not
// stored anywhere: whoever receives it says to the server what is to be said, and
// what nobody acknowledges is delivered again.

// Headers of a delivery that is handed on. The server keeps subjects of
// acknowledgements out of the reply field.
const (
	headerWas      = "Mallbots-Was"      // the subject it was published on
	headerSequence = "Mallbots-Sequence" // its place in the stream
	headerAck      = "Mallbots-Ack"      // where to say that it is done
)

// sharedWord begins the subjects of what is handed on. Streams hold others.
const sharedWord = "mallbots-shared"

// sharedSubject is where a colleague receives what a consumer of module's stream
// gets. The durable is called <consuming module>_<source>.
func sharedSubject(durable string, colleague int64) string {
	return sharedSubjects(durable, strconv.FormatInt(colleague, 10))
}

// sharedSubjects are those of a colleague, or of all when that is an asterisk.
func sharedSubjects(durable, colleague string) string {
	return sharedWord + "." + strings.Replace(durable, "_", ".", 1) + "." + colleague
}

// Partition is the partition in a message's subject, and whether it has one.
func (m Message) Partition() (int, bool) {
	at := strings.LastIndexByte(m.Subject, '.')
	if at < 0 || !strings.HasPrefix(m.Subject[at:], ".p") {
		return 0, false
	}
	n, err := strconv.Atoi(m.Subject[at+2:])
	return n, err == nil && n >= 0 && n < Partitions
}

// Share hands a delivery to a colleague, another process that works for the same
// durable consumer and has called Shared under that number. Nothing is said of
// whether it arrives. The delivery is not this process's business any more.
func (b *Broker) Share(durable string, colleague int64, d *Delivery) error {
	out := outgoing(d.Message)
	out.Subject = sharedSubject(durable, colleague)
	out.Header[headerWas] = []string{d.Subject}
	out.Header[headerSequence] = []string{strconv.FormatUint(d.Sequence, 10)}
	out.Header[headerAck] = []string{d.ack}
	if err := b.conn().PublishMsg(out); err != nil {
		return fmt.Errorf("broker: share with %d of %s: %w", colleague, durable, err)
	}
	return nil
}

// Shared hands to deliver what colleagues share with this process under its
// number, one after the other, until ctx ends. Ready is called once, when the
// server knows or cannot be asked; deliver must not block.
func (b *Broker) Shared(ctx context.Context, durable string, self int64, ready func(), deliver func(*Delivery)) {
	ready = sync.OnceFunc(ready)
	defer ready()
	for ctx.Err() == nil {
		l := b.link.Load()
		sub, err := l.conn.Subscribe(sharedSubject(durable, self), func(msg *nats.Msg) {
			if d := b.received(msg); d != nil && ctx.Err() == nil {
				deliver(d)
			}
		})
		if err == nil {
			_ = l.conn.FlushTimeout(time.Second) // it will know when it is there again
		}
		ready()
		again := l.closed
		if err != nil { // closed, and about to be replaced
			b.log.DebugContext(ctx, "broker: listen to colleagues", "consumer", durable, "error", err)
			again = nil
		}
		select {
		case <-ctx.Done():
		case <-again:
		case <-after(again == nil, time.Second):
		}
		if sub != nil {
			_ = sub.Unsubscribe() // or the connection is gone, and it with it
		}
	}
}

// after is a moment from now, or never.
func after(ever bool, wait time.Duration) <-chan time.Time {
	if !ever {
		return nil
	}
	return time.After(wait)
}

// received reads what a colleague has handed on; nil when it is something else.
func (b *Broker) received(msg *nats.Msg) *Delivery {
	sequence, err := strconv.ParseUint(msg.Header.Get(headerSequence), 10, 64)
	ack := msg.Header.Get(headerAck)
	if err != nil || !strings.HasPrefix(ack, "$JS.ACK.") {
		b.log.Error("broker: a colleague has handed on what is no delivery", "subject", msg.Subject)
		return nil
	}
	was := msg.Header.Get(headerWas)
	for _, name := range []string{headerWas, headerSequence, headerAck} {
		msg.Header.Del(name)
	}
	return &Delivery{Message: message(was, msg.Header, msg.Data, sequence), ack: ack, say: sharedTicket{b, ack}}
}

// sharedTicket speaks to the server about a delivery that it made to another
// process.
type sharedTicket struct {
	broker *Broker
	ack    string
}

// Ack implements ticket.
func (t sharedTicket) Ack() error { return t.publish("+ACK") }

// InProgress implements ticket.
func (t sharedTicket) InProgress() error { return t.publish("+WPI") }

// NakWithDelay implements ticket.
func (t sharedTicket) NakWithDelay(delay time.Duration) error {
	return t.publish(fmt.Sprintf(`-NAK {"delay": %d}`, delay.Nanoseconds()))
}

func (t sharedTicket) publish(word string) error {
	if err := t.broker.conn().Publish(t.ack, []byte(word)); err != nil {
		return fmt.Errorf("broker: %w", err)
	}
	return nil
}
