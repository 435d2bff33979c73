package simulation

import (
	"errors"
	"fmt"
	"time"
)

// options are all that could happen now, and when more could, in an order that
// depends on the history alone.
func (w *World) options() (all []option, later time.Time) {
	now := time.Now()
	sooner := func(at time.Time) {
		if !at.IsZero() && at.After(now) && (later.IsZero() || at.Before(later)) {
			later = at
		}
	}
	for _, m := range w.process.modules {
		all = append(all, w.relayOptions(m, now, sooner)...)
		all = append(all, w.inboxOptions(m, now, sooner)...)
		if m.timersAt.After(now) {
			sooner(m.timersAt)
			continue
		}
		all = append(all, option{m.service.Name + " timers", 1, func() {
			pause := m.service.Timers.Step(w.process.ctx)
			if m.service.Name != "ordering" { // nobody else sets any
				pause = max(pause, idle)
			}
			m.timersAt = time.Now().Add(pause)
		}})
	}
	for _, name := range moduleNames {
		if s := w.bus.stream(name); s != nil && len(s.late) > 0 {
			all = append(all, option{name + " late append", 1, func() { s.arrive(w.trace) }})
		}
	}
	for _, a := range w.actors {
		switch {
		case a.done, a.resting:
		case a.at.After(now):
			sooner(a.at)
		default:
			all = append(all, option{a.name, 3, a.act})
		}
	}
	return all, later
}

// idle is how often those look who are woken anyway. In production it is oftener;
// here it would be most of what happens.
const idle = 2 * time.Second

// relayOptions are what a module's relay could do.
func (w *World) relayOptions(m *running, now time.Time, sooner func(time.Time)) (all []option) {
	name := m.service.Name
	if m.relay.Unmoved() {
		all = append(all, option{name + " relay moves", 3, func() {
			if err := m.relay.Move(w.process.ctx); err != nil {
				w.postpone(m, err)
			}
		}})
	}
	if m.failures == 0 && m.relay.Awake() {
		m.relayAt = now
	}
	if m.relayAt.After(now) {
		sooner(m.relayAt)
		return all
	}
	return append(all, option{name + " relay publishes", 4, func() {
		more, err := m.relay.Publish(w.process.ctx)
		switch {
		case err != nil:
			w.postpone(m, err)
		case more:
			m.failures, m.relayAt = 0, time.Now()
		default:
			m.failures, m.relayAt = 0, time.Now().Add(idle)
		}
	}})
}

// postpone has a relay try again in a while, as it does in production.
func (w *World) postpone(m *running, err error) {
	w.trace.line("%s relay: %v", m.service.Name, err)
	m.failures++
	wait := min(2*time.Second, 10*time.Millisecond<<min(m.failures-1, 8))
	m.relayAt = time.Now().Add(wait/2 + w.chance(wait/2))
}

// inboxOptions are what could be delivered to a module, and what its inbox
// could do with what it has.
func (w *World) inboxOptions(m *running, now time.Time, sooner func(time.Time)) (all []option) {
	steps, at := m.inbox.Next()
	sooner(at)
	for _, s := range steps {
		all = append(all, option{m.service.Name + " inbox " + s.Name, 4, func() { s.Do(w.process.ctx) }})
	}
	if m.compareAt.After(now) {
		sooner(m.compareAt)
	} else if len(m.inbox.Sources()) > 0 {
		all = append(all, option{m.service.Name + " inbox compares", 4, func() {
			m.compareAt = time.Now().Add(2 * time.Second)
			if err := m.inbox.Reconcile(w.process.ctx); err != nil {
				w.trace.line("%s inbox: %v", m.service.Name, err)
			}
		}})
	}
	if now.Before(w.bus.away) {
		sooner(w.bus.away)
		return all
	}
	for _, source := range m.inbox.Sources() {
		d := w.bus.durable(m.inbox.Durable(source), source)
		if until := w.deaf[d.name]; now.Before(until) {
			sooner(until)
			continue
		}
		sequence, at := d.ready(now)
		sooner(at)
		if sequence > 0 {
			all = append(all, option{fmt.Sprintf("%s delivers %d", d.name, sequence), 4, func() { w.deliver(m, d, sequence) }})
		}
	}
	return all
}

// deliver sends one message to an inbox.
func (w *World) deliver(m *running, d *durable, sequence uint64) {
	f := w.faults.at(onDelivery, d.name)
	if f != nil && f.Kind == ConsumerRewound {
		d.rewind(uint64(f.Size))
		return
	}
	message, t := d.send(sequence, time.Now())
	switch {
	case f == nil:
	case f.Kind == DeliveryLost:
		return
	case f.Kind == DeliveryLate:
		d.flying[sequence].due = time.Now().Add(time.Duration(f.Size) * 200 * time.Millisecond)
		return
	case f.Kind == DeliveryTwice:
		d.flying[sequence].due = time.Now()
	}
	m.inbox.Receive(w.process.ctx, d.source, message, t)
}

// waiting is what keeps the mall from being at rest.
func (w *World) waiting() (all []string) {
	for _, name := range moduleNames {
		n, err := w.disks[name].number(`SELECT COUNT(*) FROM outbox`)
		if err != nil {
			w.violated("count the outbox of %s: %v", name, err)
		}
		if n > 0 {
			all = append(all, fmt.Sprintf("%d in the outbox of %s", n, name))
		}
	}
	for _, m := range w.process.modules {
		for _, source := range m.inbox.Sources() {
			d := w.bus.durable(m.inbox.Durable(source), source)
			if n := d.pending(); n > 0 {
				all = append(all, fmt.Sprintf("%d not acknowledged by %s", n, d.name))
			}
		}
		if n, err := m.service.Timers.Overdue(w.process.ctx); n > 0 || err != nil {
			all = append(all, fmt.Sprintf("%d timers of %s overdue %v", n, m.service.Name, err))
		}
		if sick := errors.Join(m.service.Relay().Health(), m.service.Inbox.Health(), m.service.Timers.Health()); sick != nil {
			all = append(all, sick.Error())
		}
	}
	return all
}
