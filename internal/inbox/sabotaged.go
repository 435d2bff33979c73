package inbox

import (
	"context"

	"mallbots/internal/database"
	"mallbots/internal/sabotage"
)

// sabotaged works on a batch without one of the protections, and reports
// whether it did.
func (l *lane) sabotaged(ctx context.Context, batch []*message) bool {
	c := l.c
	switch {
	case sabotage.On(sabotage.NoGate):
		if err := c.handleAll(ctx, batch, false); err != nil {
			l.again(batch)
			return true
		}
	case sabotage.On(sabotage.GateFirst):
		if err := c.skip(ctx, batch); err != nil {
			return false
		}
		if err := c.handleAll(ctx, batch, true); err != nil {
			return true
		}
	case sabotage.On(sabotage.Swallow):
		if _, err := c.applyAll(ctx, batch); err != nil {
			_ = c.skip(ctx, batch)
		}
	case sabotage.On(sabotage.AckFirst):
		for _, m := range batch {
			_ = m.current().Ack()
		}
		return false
	default:
		return false
	}
	for _, m := range batch {
		c.done(m, applied)
	}
	return true
}

// again puts a batch back in front of what waits.
func (l *lane) again(batch []*message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ready = append(batch, l.ready...)
}

// handleAll handles a batch in one transaction. It asks no gate, and does not
// note anything unless that was done before.
func (c *consumer) handleAll(ctx context.Context, batch []*message, noted bool) error {
	ctx, cancel := c.in.patience(ctx)
	defer cancel()
	return c.in.db.InTx(ctx, func(tx database.Tx) error {
		for _, m := range batch {
			if !noted {
				_, status := c.meaning(m)
				c.note(tx, m, status)
			}
			if err := c.handle(ctx, tx, m); err != nil {
				return err
			}
		}
		return nil
	})
}

// skip moves the gates past a batch in a transaction of its own.
func (c *consumer) skip(ctx context.Context, batch []*message) error {
	ctx, cancel := c.in.patience(ctx)
	defer cancel()
	return c.in.db.InTx(ctx, func(tx database.Tx) error {
		c.passAll(tx, batch)
		for _, m := range batch {
			_, status := c.meaning(m)
			c.note(tx, m, status)
		}
		return nil
	})
}
