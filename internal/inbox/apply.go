package inbox

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"mallbots/internal/cause"
	"mallbots/internal/database"
	"mallbots/internal/tracing"
)

// outcome is what became of a message.
type outcome string

const (
	applied   outcome = "applied"
	ignored   outcome = "ignored"
	duplicate outcome = "duplicate"
	held      outcome = "parked"
	dead      outcome = "dead"
	gap       outcome = "gap" // not an outcome yet: something is missing before it
)

// errNothing rolls back a transaction that has nothing to say.
var errNothing = errors.New("inbox: nothing to write")

// applyAll applies a batch in one transaction, in the hope that each message
// is the next of its key and no handler fails. Gate and inbox rows are queued:
// they travel with what the handlers write.
func (c *consumer) applyAll(ctx context.Context, batch []*message) ([]outcome, error) {
	ctx, cancel := c.in.patience(ctx)
	defer cancel()
	outcomes := make([]outcome, len(batch))
	err := c.in.db.InTx(ctx, func(tx database.Tx) error {
		c.passAll(tx, batch)
		statuses := make([]string, len(batch))
		noted := 0
		for i, m := range batch {
			if len(m.newer) > 0 { // what became of those may be in this batch
				c.noteAll(tx, batch[noted:i], statuses[noted:i])
				noted = i
			}
			var err error
			if outcomes[i], statuses[i], err = c.become(ctx, tx, m); err != nil {
				return err
			}
			if outcomes[i] != applied {
				continue
			}
			if err := c.handle(ctx, tx, m); err != nil {
				return err
			}
		}
		c.noteAll(tx, batch[noted:], statuses[noted:])
		tx.AfterCommit(func() { c.tell(batch) })
		return nil
	})
	for _, m := range batch {
		m.finish(err)
	}
	return outcomes, err
}

// apply takes m through the gate by itself and says what became of it.
func (c *consumer) apply(ctx context.Context, m *message) (outcome, error) {
	if m.invalid != nil {
		return dead, c.refuse(ctx, m, m.invalid)
	}
	ctx, cancel := c.in.patience(ctx)
	defer cancel()
	var o outcome
	err := c.in.db.InTx(ctx, func(tx database.Tx) error {
		g, err := c.lock(ctx, tx, m.key)
		switch {
		case err != nil:
			return err
		case m.sequence <= g.sequence:
			o = duplicate
			return errNothing
		case g.state == open && !g.reaches(m):
			o = gap
			return errNothing
		case g.state == parked, !g.reaches(m):
			o = held
			return c.hold(tx, m)
		}
		if m.sequence > g.sequence+1 {
			c.supersede(tx, m)
		}
		if g.state != open { // it is what the held ones wait for
			g.state = releasing
			c.deleteLetter(tx, m.id)
		}
		o, err = c.through(ctx, tx, m, g)
		return err
	})
	m.finish(err)
	switch {
	case errors.Is(err, errNothing):
		err = nil
	case errors.Is(err, errReused):
		return dead, c.refuse(ctx, m, err)
	}
	return o, err
}

// through moves the locked gate g to m and handles it.
func (c *consumer) through(ctx context.Context, tx database.Tx, m *message, g gate) (outcome, error) {
	g.sequence = m.sequence
	c.move(tx, m.key, g)
	return c.take(ctx, tx, m)
}

// take notes what becomes of m, which is through the gate, and handles it if
// somebody does.
func (c *consumer) take(ctx context.Context, tx database.Tx, m *message) (outcome, error) {
	o, status, err := c.become(ctx, tx, m)
	if err != nil {
		return o, err
	}
	c.note(tx, m, status)
	if o != applied {
		return o, nil
	}
	return o, c.handle(ctx, tx, m)
}

// become says what m becomes, which is through the gate.
func (c *consumer) become(ctx context.Context, tx database.Tx, m *message) (outcome, string, error) {
	o, status := c.meaning(m)
	if o == applied && len(m.newer) > 0 {
		told, err := c.told(ctx, tx, m)
		if err != nil {
			return o, status, err
		}
		if told {
			o, status = ignored, statusIgnored
		}
	}
	return o, status, nil
}

// meaning is what m becomes when it is let through. An event that this binary
// does not know is ignored: its publisher is newer.
func (c *consumer) meaning(m *message) (outcome, string) {
	if c.in.handlers[m.kind].apply == nil {
		return ignored, statusIgnored
	}
	return applied, statusApplied
}

// handle calls the handler of m's type, if there is one.
func (c *consumer) handle(ctx context.Context, tx database.Tx, m *message) (err error) {
	h := c.in.handlers[m.kind]
	if h.apply == nil {
		return nil
	}
	defer func() {
		if p := recover(); p != nil {
			err = &panicked{value: p, stack: string(debug.Stack())}
		}
	}()
	if c.in.settings.witness != nil {
		if err := c.in.settings.witness(ctx, tx, c.name, m.id); err != nil {
			return err
		}
	}
	ctx, m.span = c.in.settings.tracer.Process(c.about(ctx, m), m.traced(c.in.db.Module()), c.name, m.attempts, m.cause.traceparent)
	err = h.apply(ctx, tx, m.data)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("%w %s: %w", errTimeout, c.in.settings.timeout, err)
	}
	return err
}

// about is ctx with m as the cause of what happens.
func (c *consumer) about(ctx context.Context, m *message) context.Context {
	return cause.With(ctx, cause.Cause{
		Actor:         c.in.db.Module(),
		CorrelationID: m.cause.correlation,
		CausationID:   m.id,
		Traceparent:   m.cause.traceparent,
	})
}

// traced is what a span says of m.
func (m *message) traced(module string) tracing.Message {
	return tracing.Message{ID: m.id, Type: m.kind, Key: m.key, Sequence: m.sequence, Conversation: m.cause.correlation, Module: module}
}

// patience bounds one transaction. It outlives the end of ctx, so that what is
// being committed when the process stops is finished and acknowledged.
func (in *Inbox) patience(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), in.settings.timeout)
}
