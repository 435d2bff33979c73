package host

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

const (
	// jumpOf is by how much the machine's clock has to jump to count as wrong.
	jumpOf = 5 * time.Second
	// settledAfter is when a clock that jumped is believed where there is no other.
	settledAfter = 10 * time.Second
)

// clock is the time by which a module's deadlines run. It goes on by what passes,
// and follows the machine's clock only in small steps: a clock that was set, or a
// machine that slept, makes no deadline due. While the two differ the module is
// not well, so that whatever comes of it, every deadline gets its whole time again.
type clock struct {
	wall    func() time.Time                                  // the machine's; a test sets it wrong
	confirm func(ctx context.Context) (known bool, err error) // whether another clock agrees with it, if there is one
	log     *slog.Logger

	mu      sync.Mutex
	at      time.Time // what it was
	began   time.Time // when it was that
	noticed time.Time // since when the machine's differs; zero while it does not
}

func newClock(wall func() time.Time, confirm func(ctx context.Context) (bool, error), log *slog.Logger) *clock {
	c := &clock{wall: wall, confirm: confirm, log: log}
	c.set(wall())
	return c
}

// set begins anew. It keeps no monotonic reading, which is another clock's.
func (c *clock) set(to time.Time) { c.at, c.began, c.noticed = to.Round(0), time.Now(), time.Time{} }

// now is the time.
func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at.Add(time.Since(c.began))
}

// check follows the machine's clock, and is an error while that cannot be
// believed. One that jumped is an error at least once.
func (c *clock) check(ctx context.Context) error {
	off, since := c.compare(ctx)
	if off == 0 {
		return nil
	}
	problem := fmt.Errorf("this machine's clock jumped by %s; deadlines go on by the time that passes", off.Round(time.Second))
	if since == 0 {
		return problem
	}
	switch known, err := c.confirm(ctx); {
	case err != nil:
		return fmt.Errorf("%w: %w", problem, err)
	case !known && since < settledAfter:
		return problem
	}
	c.log.WarnContext(ctx, "clock: the machine's is believed after its jump, and deadlines begin anew", "jump", off)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set(c.wall())
	return nil
}

// compare is how far the machine's clock is off, and since when that was known.
func (c *clock) compare(ctx context.Context) (off, since time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	wall := c.wall().Round(0)
	off = wall.Sub(c.at.Add(time.Since(c.began)))
	switch {
	case off.Abs() <= jumpOf:
		if !c.noticed.IsZero() {
			c.log.InfoContext(ctx, "clock: the machine's is right again")
		}
		c.set(wall)
		return 0, 0
	case c.noticed.IsZero():
		c.noticed = time.Now()
		c.log.ErrorContext(ctx, "clock: the machine's jumped", "jump", off)
		return off, 0
	}
	return off, time.Since(c.noticed)
}
