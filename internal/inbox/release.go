package inbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"mallbots/internal/database"
)

// release applies what is held behind keys that were released, whoever did it
// and whenever: at the start, when a commit asks for it, and every few seconds.
func (c *consumer) release(ctx context.Context) {
	wake, stop := c.in.db.Listen(topicRelease)
	defer stop()
	for ctx.Err() == nil {
		for _, key := range c.released(ctx) {
			if c.startDraining(key) {
				c.work.Go(func() {
					defer c.stopDraining(key)
					c.drain(ctx, key)
				})
			}
		}
		timer := time.NewTimer(2 * time.Second)
		select {
		case <-ctx.Done():
		case <-wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

func (c *consumer) startDraining(key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.draining[key] {
		return false
	}
	c.draining[key] = true
	return true
}

func (c *consumer) stopDraining(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.draining, key)
}

// drain applies the held messages of a released key in order, each in a
// transaction of its own, until the key is open again, or one of them is a dead
// letter itself, or another gap shows. Several may drain at once: each step
// locks the gate.
func (c *consumer) drain(ctx context.Context, key string) {
	defer c.clear(key)
	var current *message
	for ctx.Err() == nil {
		m, more, err := c.drainOne(ctx, key)
		switch {
		case err == nil && !more:
			return
		case err == nil:
			current = nil
			c.clear(key)
			continue
		case ctx.Err() != nil:
			return
		case m == nil: // the gate could not be read
			m = &message{key: key}
		}
		if current == nil || current.id != m.id {
			current = m
		}
		now := time.Now()
		f := c.in.classify(ctx, err)
		final := current.strike(c.in.settings, f, now, false)
		c.report(ctx, current, f, final)
		if f.transient {
			c.suffer(key, current, f.err, now)
		}
		if final {
			if buried, err := c.bury(ctx, current, f); buried && err == nil {
				return
			}
		}
		pause := time.NewTimer(current.delay(c.in.settings, f))
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
		pause.Stop()
	}
}

// drainOne applies the first held message of a released key. More says that
// there may be another. When it fails, m is the message it failed with.
func (c *consumer) drainOne(ctx context.Context, key string) (m *message, more bool, err error) {
	ctx, cancel := c.in.patience(ctx)
	defer cancel()
	var o outcome
	err = c.in.db.InTx(ctx, func(tx database.Tx) error {
		m, more, o = nil, false, ""
		g, err := c.lock(ctx, tx, key)
		if err != nil {
			return err
		}
		if g.state != releasing {
			return nil
		}
		letter, err := database.One(ctx, tx, scanLetter, selectLetter+
			` WHERE consumer = $1 AND key = $2 AND cause <> $3 ORDER BY sequence LIMIT 1`, c.name, key, CauseInvalid)
		if errors.Is(err, database.ErrNoRows) {
			c.move(tx, key, gate{g.sequence, open})
			return nil
		}
		if err != nil {
			return err
		}
		m = c.revive(letter)
		switch {
		case !g.reaches(m) && !m.snapshot:
			c.move(tx, key, gate{g.sequence, gapped})
			return c.writeLetter(tx, &message{
				id: m.id, kind: m.kind, key: key, sequence: m.sequence, subject: m.subject, header: m.header, data: m.data,
			}, failure{cause: CauseGap, err: gapError(g.sequence+1, m.sequence)})
		case m.sequence <= g.sequence:
			more, o = true, duplicate
			c.deleteLetter(tx, m.id)
			return nil
		}
		more = true
		if m.sequence > g.sequence+1 {
			c.supersede(tx, m)
		}
		c.deleteLetter(tx, m.id)
		o, err = c.through(ctx, tx, m, g)
		return err
	})
	m.finish(err)
	if err == nil && o != "" {
		c.count(m, o)
	}
	return m, more, err
}

// gapError says what is missing.
func gapError(missing, arrived int64) error {
	return fmt.Errorf("inbox: sequence %d is missing; %d came instead", missing, arrived)
}

// ignore returns err unless it is expected.
func ignore(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}

// newID returns a UUIDv7; it fails only when the system has no randomness.
func newID() string { return uuid.Must(uuid.NewV7()).String() }

// clean makes text fit for a TEXT column, at most 8 KiB of it.
func clean(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "?"), "\x00", "")
	if len(text) > 8<<10 {
		text = text[:8<<10]
		for !utf8.ValidString(text) {
			text = text[:len(text)-1]
		}
	}
	return text
}
