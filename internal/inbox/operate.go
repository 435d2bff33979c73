package inbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mallbots/internal/cause"
	"mallbots/internal/database"
	"mallbots/internal/fault"
	"mallbots/internal/operator"
)

// What an operator may be refused.
var (
	ErrNotFirst = fault.New(fault.Conflict, "DEAD_LETTER_NOT_FIRST", "an earlier message of the key comes first; decide about that one")
	ErrGap      = fault.New(fault.Conflict, "DEAD_LETTER_GAP", "an earlier message of the key is missing; wait until it is published again, or discard this one")
	ErrNoUse    = fault.New(fault.Conflict, "DEAD_LETTER_INVALID", "its envelope can never be trusted; discard it")
	ErrNoReason = fault.New(fault.Invalid, "REASON_REQUIRED", "say why it is discarded")
)

// Retry applies a dead letter now, in a transaction with the gate. When that
// succeeds the letter is gone, and the messages held behind it are applied in
// order before Retry returns; one of them may become a dead letter in turn.
// When it fails the letter stays, with one more attempt and the new error,
// which Retry returns.
func (in *Inbox) Retry(ctx context.Context, id string) error {
	l, err := in.letter(ctx, in.db, id)
	if err != nil {
		return err
	}
	c, err := in.consumerOf(l)
	if err != nil {
		return err
	}
	tried, o := false, applied
	var m *message
	err = func() error {
		ctx, cancel := in.patience(ctx)
		defer cancel()
		return in.db.InTx(ctx, func(tx database.Tx) error {
			tried = false
			g, err := c.first(ctx, tx, l)
			switch {
			case err != nil:
				return err
			case l.Cause == CauseInvalid:
				return ErrNoUse
			case !in.knows(l.Type):
				return ErrSchemaGone.With("%s", l.Type)
			case l.Sequence > g.sequence+1 && !c.revive(l).snapshot:
				return ErrGap.With("sequence %d", g.sequence+1)
			case l.Sequence <= g.sequence: // applied meanwhile, or another in its place
				o = duplicate
				c.deleteLetter(tx, l.MessageID)
				c.move(tx, l.Key, gate{g.sequence, releasing})
				operator.Record(ctx, tx, operator.Action{Verb: "retry", Target: l.ID, Key: l.Key, Outcome: "done: it was applied meanwhile"})
				return nil
			}
			tried = true
			operator.Record(ctx, tx, operator.Action{Verb: "retry", Target: l.ID, Key: l.Key})
			c.deleteLetter(tx, l.MessageID)
			if m = c.revive(l); m.invalid != nil {
				return m.invalid
			}
			o, err = c.through(ctx, tx, m, gate{g.sequence, releasing})
			return err
		})
	}()
	m.finish(err)
	if err != nil {
		if tried {
			err = errors.Join(err, in.blame(ctx, l, err))
		}
		return fmt.Errorf("inbox: retry %s: %w", id, err)
	}
	c.count(c.revive(l), o)
	in.log.InfoContext(ctx, "inbox: dead letter retried", "consumer", c.name, "message", l.MessageID, "key", l.Key, "sequence", l.Sequence, "actor", cause.From(ctx).Actor)
	c.drain(ctx, l.Key)
	return ctx.Err()
}

// Discard gives a dead letter up for good, for a reason: the gate moves past
// it, and what is held behind it is applied in order before Discard returns.
// Discarding what came after a gap gives up what is missing as well.
func (in *Inbox) Discard(ctx context.Context, id, reason string) error {
	if reason == "" {
		return ErrNoReason
	}
	l, err := in.letter(ctx, in.db, id)
	if err != nil {
		return err
	}
	c, err := in.consumerOf(l)
	if err != nil {
		return err
	}
	err = in.db.InTx(ctx, func(tx database.Tx) error {
		in.archive(tx, l, "discard", "")
		operator.Record(ctx, tx, operator.Action{Verb: "discard", Target: l.ID, Key: l.Key, Reason: reason})
		if l.Cause == CauseInvalid {
			c.deleteLetter(tx, l.MessageID)
			return nil
		}
		g, err := c.first(ctx, tx, l)
		if err != nil {
			return err
		}
		rivals, err := database.One(ctx, tx, database.Value[int64], `SELECT COUNT(*) FROM dead_letters
			WHERE consumer = $1 AND key = $2 AND sequence = $3 AND id <> $4 AND cause <> $5`,
			c.name, l.Key, l.Sequence, l.ID, CauseInvalid)
		if err != nil {
			return err
		}
		past := l.Sequence
		if rivals > 0 { // another message claims to be the same; that one goes next
			past--
		}
		c.move(tx, l.Key, gate{max(past, g.sequence), releasing})
		c.note(tx, c.revive(l), statusDiscarded)
		c.deleteLetter(tx, l.MessageID)
		return nil
	})
	if err != nil {
		return fmt.Errorf("inbox: discard %s: %w", id, err)
	}
	in.log.WarnContext(ctx, "inbox: dead letter discarded", "consumer", c.name, "message", l.MessageID, "type", l.Type,
		"key", l.Key, "sequence", l.Sequence, "reason", reason, "actor", cause.From(ctx).Actor)
	if l.Cause != CauseInvalid {
		c.drain(ctx, l.Key)
	}
	return ctx.Err()
}

// first locks the gate of a letter's key and makes sure that the letter is
// still there and the first that waits.
func (c *consumer) first(ctx context.Context, tx database.Tx, l Letter) (gate, error) {
	g, err := c.lock(ctx, tx, l.Key)
	if err != nil || l.Cause == CauseInvalid {
		return g, err
	}
	if _, err := c.in.letter(ctx, tx, l.ID); err != nil {
		return g, err
	}
	lowest, err := database.One(ctx, tx, database.Value[int64],
		`SELECT sequence FROM dead_letters WHERE consumer = $1 AND key = $2 AND cause <> $3 ORDER BY sequence LIMIT 1`,
		c.name, l.Key, CauseInvalid)
	if err == nil && lowest < l.Sequence {
		err = ErrNotFirst.With("sequence %d", lowest)
	}
	return g, err
}

// knows reports whether the type of an event is registered. An event of another
// type is ignored when it arrives; a dead letter was meant to have an effect.
func (in *Inbox) knows(kind string) bool {
	_, known := in.handlers[kind]
	return known
}

// blame notes another failed attempt on a letter.
func (in *Inbox) blame(ctx context.Context, l Letter, reason error) error {
	f := in.classify(ctx, reason)
	return in.db.InTx(ctx, func(tx database.Tx) error {
		operator.Record(ctx, tx, operator.Action{Verb: "retry", Target: l.ID, Key: l.Key, Outcome: clean(reason.Error())})
		_, err := tx.Exec(ctx, `UPDATE dead_letters SET attempts = attempts + 1, error = $2, stack = $3, last_at = $4 WHERE id = $1`,
			l.ID, clean(reason.Error()), clean(f.stack), database.Micros(time.Now()))
		return err
	})
}
