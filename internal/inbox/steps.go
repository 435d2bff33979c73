package inbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"mallbots/internal/broker"
	"mallbots/internal/database"
	"mallbots/internal/sabotage"
)

// Ticket is what can be said to the server about a delivery;
// *broker.Delivery is one.
type Ticket = ticket

// Steps do what Run does, one at a time and in the caller's goroutine. They are
// for a simulator, which decides what happens next; use them or Run.
type Steps struct {
	in      *Inbox
	sources []string
	looked  time.Time // when released keys were last looked for
	wake    <-chan struct{}
	stop    func()
}

// Step is something that an inbox could do now.
type Step struct {
	Name string // the same for the same history
	Do   func(ctx context.Context)
}

// Steps makes the inbox ready to be driven. B is asked for what is pending. It
// refuses when Check fails.
func (in *Inbox) Steps(b Broker) (*Steps, error) {
	if err := in.Check(); err != nil {
		return nil, err
	}
	in.mu.Lock()
	in.broker, in.running = b, true
	in.mu.Unlock()
	_, compares := b.(rewinder)
	for _, c := range in.consumers {
		c.stepped = true
		if compares {
			c.hearing = &hearing{}
		}
		c.open()
	}
	s := &Steps{in: in, sources: in.Sources()}
	s.wake, s.stop = in.db.Listen(topicRelease)
	return s, nil
}

// Receive is a delivery that arrives from source.
func (s *Steps) Receive(ctx context.Context, source string, m broker.Message, t Ticket) {
	s.in.consumers[source].receive(ctx, m, t)
}

// Sources are the modules whose events it consumes, sorted.
func (s *Steps) Sources() []string { return s.sources }

// Durable is the name under which the inbox consumes from source.
func (s *Steps) Durable(source string) string { return s.in.consumers[source].name }

// Next are the steps that could be done now, in an order that depends on the
// history alone; and when there will be more, if nothing else happens.
func (s *Steps) Next() (now []Step, later time.Time) {
	clock := time.Now()
	later = s.looked.Add(2 * time.Second)
	select {
	case <-s.wake:
		s.looked = time.Time{}
	default:
	}
	if len(s.in.consumers) > 0 && !clock.Before(s.looked.Add(2*time.Second)) {
		now = append(now, Step{"release", s.release})
	}
	for _, source := range s.sources {
		for i, l := range s.in.consumers[source].lanes {
			if len(l.ready)+len(l.aside) == 0 {
				continue
			}
			steps, due := l.steps(fmt.Sprintf("%s lane %d", source, i), clock)
			now = append(now, steps...)
			if !due.IsZero() && due.Before(later) {
				later = due
			}
		}
	}
	return now, later
}

// KeepAlive tells the server that work goes on.
func (s *Steps) KeepAlive() {
	for _, c := range s.in.consumers {
		for _, m := range c.inFlight() {
			_ = m.current().InProgress() // what comes again is a duplicate
		}
	}
}

// Reconcile compares what the broker believes to be acknowledged with what the
// database knows, as Run does every two seconds.
func (s *Steps) Reconcile(ctx context.Context) error {
	b, can := s.in.broker.(rewinder)
	if !can || sabotage.On(sabotage.AckFirst) {
		return nil
	}
	var failed error
	for _, source := range s.sources {
		failed = errors.Join(failed, s.in.consumers[source].reconcile(ctx, b))
	}
	return failed
}

// Stop gives back what is not finished.
func (s *Steps) Stop() {
	s.stop()
	for _, c := range s.in.consumers {
		c.giveBack()
	}
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	s.in.running = false
}

// release applies what is held behind keys that were released.
func (s *Steps) release(ctx context.Context) {
	s.looked = time.Now()
	for _, source := range s.sources {
		c := s.in.consumers[source]
		for _, key := range c.released(ctx) {
			c.drain(ctx, key)
		}
	}
}

// released are the first keys whose held messages are to be applied.
func (c *consumer) released(ctx context.Context) []string {
	keys, err := database.All(ctx, c.in.db, database.Value[string],
		`SELECT key FROM inbox_keys WHERE consumer = $1 AND parked = 3 AND parked <> 0 ORDER BY key LIMIT 100`, c.name)
	if err != nil && ctx.Err() == nil {
		c.in.log.WarnContext(ctx, "inbox: look for released keys", "consumer", c.name, "error", err)
	}
	return keys
}

// steps are what a lane and the keys set aside from it could do.
func (l *lane) steps(name string, clock time.Time) (now []Step, later time.Time) {
	if len(l.ready) > 0 {
		now = append(now, Step{name, func(ctx context.Context) { l.work(ctx, l.take()) }})
	}
	for _, line := range slices.Sorted(maps.Keys(l.aside)) {
		a := l.aside[line]
		m, waiting := a.head()
		switch {
		case m == nil:
			l.c.clear(line)
		case m.next.After(clock):
			if later.IsZero() || m.next.Before(later) {
				later = m.next
			}
		default:
			now = append(now, Step{name + " aside " + line, func(ctx context.Context) {
				a.try(ctx, m, waiting > l.c.in.settings.crowd)
			}})
		}
	}
	return now, later
}

// Witness has tell called for each message that is handed to its handler, in
// the transaction of the effects.
func Witness(tell func(ctx context.Context, tx database.Tx, consumer, message string) error) Option {
	return func(s *settings) { s.witness = tell }
}

// Chance replaces the dice: it returns up to limit. It is for a simulator.
func Chance(roll func(limit time.Duration) time.Duration) Option {
	return func(s *settings) { s.chance = roll }
}
