package simulation

import (
	"context"
	"maps"
	"slices"
	"time"

	"mallbots/internal/broker"
)

// durable is a consumer of a stream, as the server keeps it.
type durable struct {
	bus    *bus
	name   string
	source string
	next   uint64             // the first message that was never delivered
	flying map[uint64]*flight // delivered and not acknowledged, by sequence
}

// flight is a delivery.
type flight struct {
	due   time.Time // when it is delivered again
	count int       // how often it was
}

// mostPending is how many messages may be in flight.
const mostPending = 1024

// durable returns the consumer of that name; a new one begins at the beginning.
func (b *bus) durable(name, source string) *durable {
	d := b.durables[name]
	if d == nil {
		d = &durable{bus: b, name: name, source: source, next: 1, flying: map[uint64]*flight{}}
		b.durables[name] = d
	}
	return d
}

// ready returns a message that the server would deliver now, and when it will
// have another one. Of those that are due again it is the oldest.
func (d *durable) ready(now time.Time) (sequence uint64, later time.Time) {
	s := d.bus.stream(d.source)
	if s == nil {
		return 0, time.Time{}
	}
	for _, at := range slices.Sorted(maps.Keys(d.flying)) {
		switch f := d.flying[at]; {
		case !f.due.After(now):
			return at, time.Time{}
		case later.IsZero() || f.due.Before(later):
			later = f.due
		}
	}
	if d.next <= s.last() && len(d.flying) < mostPending {
		return d.next, time.Time{}
	}
	return 0, later
}

// send delivers the message with that sequence, and says what arrives.
func (d *durable) send(sequence uint64, now time.Time) (m broker.Message, t *ticket) {
	s := d.bus.stream(d.source)
	f := d.flying[sequence]
	if f == nil {
		f = &flight{}
		d.flying[sequence] = f
		d.next = max(d.next, sequence+1)
	}
	f.count++
	f.due = now.Add(broker.AckWait)
	return s.messages[sequence-1], &ticket{durable: d, sequence: sequence, epoch: s.epoch, life: d.bus.world.life()}
}

// clamp forgets what lies behind the end of the stream.
func (d *durable) clamp(last uint64) {
	d.next = min(d.next, last+1)
	for at := range d.flying {
		if at > last {
			delete(d.flying, at)
		}
	}
}

// rewind forgets the acknowledgements of the newest n messages, as a server
// does that was killed.
func (d *durable) rewind(n uint64) {
	d.next = max(1, d.next-min(n, d.next))
	for at := range d.flying {
		if at >= d.next {
			delete(d.flying, at)
		}
	}
}

// pending is how many messages are not acknowledged.
func (d *durable) pending() uint64 {
	s := d.bus.stream(d.source)
	if s == nil {
		return 0
	}
	return s.last() + 1 - min(d.next, s.last()+1) + uint64(len(d.flying))
}

// ticket is what the process can say about a delivery.
type ticket struct {
	durable  *durable
	sequence uint64
	epoch    string
	life     int
}

// flight is the delivery that the ticket is about, nil when it is no more.
func (t *ticket) flight() (*flight, error) {
	b := t.durable.bus
	if err := b.reachable(t.life); err != nil {
		return nil, err
	}
	if s := b.stream(t.durable.source); s == nil || s.epoch != t.epoch {
		return nil, nil
	}
	return t.durable.flying[t.sequence], nil
}

// Ack implements inbox.Ticket.
func (t *ticket) Ack() error {
	f, err := t.flight()
	if f == nil || err != nil {
		return err
	}
	w := t.durable.bus.world
	if lost := w.faults.at(onAck, t.durable.name); lost != nil {
		w.trace.line("%s ack of %d is lost", t.durable.name, t.sequence)
		return nil // nobody learns
	}
	delete(t.durable.flying, t.sequence)
	return nil
}

// InProgress implements inbox.Ticket.
func (t *ticket) InProgress() error {
	f, err := t.flight()
	if f != nil && err == nil {
		f.due = time.Now().Add(broker.AckWait)
	}
	return err
}

// Nak implements inbox.Ticket.
func (t *ticket) Nak(delay time.Duration) error {
	f, err := t.flight()
	if f != nil && err == nil {
		f.due = time.Now().Add(delay)
	}
	return err
}

// Subscribe implements inbox.Broker, for those who run; here nobody does.
func (b *bus) Subscribe(ctx context.Context, _, _ string, _ func(*broker.Delivery)) error {
	<-ctx.Done()
	return nil
}

// Pending implements inbox.Broker.
func (b *bus) Pending(_ context.Context, name, source string) (uint64, error) {
	if d := b.durables[name]; d != nil {
		return d.pending(), nil
	}
	if s := b.stream(source); s != nil {
		return s.last(), nil
	}
	return 0, nil
}

// Floor is up to where a consumer has acknowledged everything.
func (b *bus) Floor(_ context.Context, name, source string) (broker.Floor, error) {
	if err := b.reachable(b.world.life()); err != nil {
		return broker.Floor{}, err
	}
	s := b.stream(source)
	if s == nil {
		return broker.Floor{}, nil
	}
	d := b.durable(name, source)
	floor := d.next - 1
	for at := range d.flying {
		floor = min(floor, at-1)
	}
	return broker.Floor{Epoch: s.epoch, Acknowledged: floor, Delivered: d.next - 1, Last: s.last()}, nil
}

// Read returns stored messages.
func (b *bus) Read(ctx context.Context, source string, from uint64, most int) ([]broker.Message, error) {
	return (&port{bus: b, module: source, life: b.world.life()}).Read(ctx, from, most)
}

// Rewind has a consumer deliver again what begins at a sequence. No database is
// restored here; but a message may be in the place of one that was acknowledged.
func (b *bus) Rewind(_ context.Context, name, source string, from uint64) error {
	if err := b.reachable(b.world.life()); err != nil {
		return err
	}
	if s := b.stream(source); s == nil || !s.torn {
		b.world.violated("I4: %s believes that it was restored, and wants everything again from %d", name, from)
	}
	b.durables[name] = &durable{bus: b, name: name, source: source, next: from, flying: map[uint64]*flight{}}
	return nil
}
