package inbox

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"mallbots/internal/broker"
	"mallbots/internal/database"
	"mallbots/internal/failpoint"
)

// bury makes m a dead letter and parks its key, in one transaction. It reports
// false when m is no longer the next of its key: another process dealt with it.
func (c *consumer) bury(ctx context.Context, m *message, f failure) (bool, error) {
	ctx, cancel := c.in.patience(ctx)
	defer cancel()
	buried := false
	err := c.in.db.InTx(ctx, func(tx database.Tx) error {
		buried = false
		g, err := c.lock(ctx, tx, m.key)
		if err != nil {
			return err
		}
		if g.state == parked || m.sequence <= g.sequence || !g.reaches(m) && !m.snapshot {
			return nil
		}
		buried = true
		if m.sequence > g.sequence+1 {
			c.supersede(tx, m)
		}
		c.move(tx, m.key, gate{g.sequence, parked})
		c.note(tx, m, statusDead)
		return c.writeLetter(tx, m, f)
	})
	return buried && err == nil, err
}

// hold stores m behind its parked key. What is stored already stays as it is.
func (c *consumer) hold(tx database.Tx, m *message) error {
	c.note(tx, m, statusParked)
	return c.insertLetter(tx, m, failure{cause: CauseHeld}, `ON CONFLICT (consumer, message_id) DO NOTHING`)
}

// parkGap parks a key whose next message never came, with m as what came
// instead. It reports false when the gap has closed meanwhile.
func (c *consumer) parkGap(ctx context.Context, m *message) (bool, error) {
	ctx, cancel := c.in.patience(ctx)
	defer cancel()
	done := false
	var missing int64
	err := c.in.db.InTx(ctx, func(tx database.Tx) error {
		done = false
		g, err := c.lock(ctx, tx, m.key)
		if err != nil {
			return err
		}
		if g.state != open || m.sequence <= g.sequence+1 {
			return errNothing
		}
		done, missing = true, g.sequence+1
		c.move(tx, m.key, gate{g.sequence, gapped})
		c.note(tx, m, statusParked)
		return c.writeLetter(tx, m, failure{cause: CauseGap, err: gapError(missing, m.sequence)})
	})
	if !done {
		return false, ignore(err, errNothing)
	}
	if err == nil {
		deadLettered.WithLabelValues(c.labels(m)...).Inc()
		c.in.log.ErrorContext(c.about(ctx, m), "inbox: a message is missing, its key is parked until it comes",
			"consumer", c.name, "key", m.key, "missing", missing, "arrived", m.sequence)
	}
	return err == nil, err
}

// refuse keeps a message whose envelope cannot be trusted, and touches neither
// gate nor inbox, since what it says about itself may be a lie.
func (c *consumer) refuse(ctx context.Context, m *message, reason error) error {
	ctx, cancel := c.in.patience(ctx)
	defer cancel()
	liar := &message{
		id: m.id, kind: m.kind, key: m.key, sequence: m.sequence,
		subject: m.subject, header: m.header, data: m.data, cause: m.cause,
	}
	if m.invalid == nil { // sound, but for the id of another
		liar.id = fingerprint(broker.Message{Subject: m.subject, Header: m.header, Data: m.data, Sequence: m.place.sequence})
	}
	err := c.in.db.InTx(ctx, func(tx database.Tx) error {
		return c.insertLetter(tx, liar, failure{cause: CauseInvalid, err: reason}, `ON CONFLICT (consumer, message_id) DO NOTHING`)
	})
	if err == nil {
		failed.WithLabelValues(c.labels(m)...).Inc()
		deadLettered.WithLabelValues(c.labels(m)...).Inc()
		c.in.log.WarnContext(c.about(ctx, m), "inbox: message refused, it is a dead letter now",
			"consumer", c.name, "subject", m.subject, "stream_sequence", m.place.sequence, "error", reason)
	}
	return err
}

// writeLetter queues the dead letter of m, in the place of a held one.
func (c *consumer) writeLetter(tx database.Tx, m *message, f failure) error {
	return c.insertLetter(tx, m, f, `ON CONFLICT (consumer, message_id) DO UPDATE SET
		cause = excluded.cause, error = excluded.error, stack = excluded.stack,
		attempts = dead_letters.attempts + excluded.attempts, last_at = excluded.last_at`)
}

func (c *consumer) insertLetter(tx database.Tx, m *message, f failure, conflict string) error {
	failpoint.Here("inbox.parking")
	header, err := json.Marshal(m.header)
	if err != nil {
		return fmt.Errorf("inbox: headers of %s: %w", m.id, err)
	}
	reason := ""
	if f.err != nil {
		reason = f.err.Error()
	}
	now := time.Now()
	first := now
	if !m.failed.IsZero() {
		first = m.failed
	}
	data := m.data
	if data == nil {
		data = []byte{}
	}
	tx.Queue(database.Statement{
		SQL: `INSERT INTO dead_letters (id, consumer, message_id, key, sequence, type, subject, headers, payload,
			cause, error, stack, attempts, first_at, last_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ` + conflict,
		Args: []any{
			newID(), c.name, m.id, m.key, m.sequence, m.kind, m.subject, string(header), data,
			f.cause, clean(reason), clean(f.stack), int64(m.attempts), database.Micros(first), database.Micros(now),
		},
	})
	return nil
}

// deleteLetter queues the end of a letter, if there is one for the message.
func (c *consumer) deleteLetter(tx database.Tx, messageID string) {
	tx.Queue(database.Statement{
		SQL:  `DELETE FROM dead_letters WHERE consumer = $1 AND message_id = $2`,
		Args: []any{c.name, messageID},
	})
}
