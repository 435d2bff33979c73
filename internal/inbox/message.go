package inbox

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"mallbots/internal/broker"
	"mallbots/internal/tracing"
)

// message is one delivery on its way through a consumer.
type message struct {
	id       string
	kind     string // the event's full name
	key      string
	sequence int64
	subject  string
	header   broker.Header
	data     []byte
	snapshot bool     // it makes sense without what came before
	newer    []string // the messages that told the same before it, in newer versions
	cause    envelopeCause
	invalid  error // why the envelope cannot be trusted; nil for a sound one

	published, received time.Time

	attempts int       // that failed
	strikes  int       // those of them that failed for no passing reason
	failed   time.Time // the first strike
	waiting  time.Time // since when it has waited behind a gap
	next     time.Time // not before

	span tracing.Span // of the attempt that is under way; nil when there is none

	place  place
	mu     sync.Mutex
	ticket ticket // guarded by mu: replaced when the message is delivered again
}

// envelopeCause is what a message says about why it exists.
type envelopeCause struct{ correlation, traceparent string }

// place is where a message is in its stream; the id tells streams apart that
// were created anew.
type place struct {
	sequence uint64
	id       string
}

// ticket is what can be said to the server about a delivery;
// *broker.Delivery is one.
type ticket interface {
	Ack() error
	InProgress() error
	Nak(delay time.Duration) error
}

// newMessage reads what arrived from source and trusts none of it.
func newMessage(source string, m broker.Message, t ticket, now time.Time) *message {
	envelope, err := m.Open()
	if err == nil && envelope.Source != source {
		err = fmt.Errorf("inbox: the message is of %s and came on the stream of %s", envelope.Source, source)
	}
	if err == nil {
		if publisher, ok := sourceOf(envelope.Type); !ok || publisher != source {
			err = fmt.Errorf("inbox: the type %s is no event of %s", envelope.Type, source)
		}
	}
	made := &message{
		id: envelope.ID, kind: envelope.Type, key: envelope.Key, sequence: envelope.Sequence,
		subject: m.Subject, header: m.Header, data: m.Data, snapshot: envelope.Snapshot, newer: envelope.Newer,
		cause:     envelopeCause{envelope.CorrelationID, envelope.Traceparent},
		published: envelope.Time, received: now, ticket: t, place: place{m.Sequence, m.ID}, invalid: err,
	}
	if err != nil {
		made.id = fingerprint(m) // its own id may be a real message's
	}
	return made
}

// fingerprint names a message that does not say, or is not believed, who it is.
func fingerprint(m broker.Message) string {
	h := sha256.New()
	fmt.Fprintf(h, "%d\n%s\n", m.Sequence, m.Subject)
	for _, name := range slices.Sorted(maps.Keys(m.Header)) {
		fmt.Fprintf(h, "%q: %q\n", name, m.Header[name])
	}
	h.Write(m.Data)
	return "invalid-" + hex.EncodeToString(h.Sum(nil)[:12])
}

// finish ends the span of the attempt that is under way, if there is one.
func (m *message) finish(err error) {
	if m != nil && m.span != nil {
		tracing.End(m.span, err)
		m.span = nil
	}
}

// line is what a message queues under: its key, or itself when it is invalid.
func (m *message) line() string {
	if m.invalid != nil {
		return "\x00" + m.id
	}
	return m.key
}

// again takes the ticket of a later delivery of the same message.
func (m *message) again(t ticket) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ticket = t
}

// current is the ticket of the latest delivery.
func (m *message) current() ticket {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ticket
}
