package inbox

import (
	"context"
	"slices"
	"time"

	"mallbots/internal/failpoint"
)

// aside is one key that goes on by itself, one message at a time, because one
// of its messages failed, waits for what is missing before it, or is not sound.
// When all its messages are through, the key returns to its lane.
type aside struct {
	lane    *lane
	line    string
	queue   []*message // by sequence; guarded by lane.mu
	arrived chan struct{}
}

// put inserts m by its sequence. The caller holds lane.mu.
func (a *aside) put(m *message) {
	at := slices.IndexFunc(a.queue, func(q *message) bool { return q.sequence > m.sequence })
	if at < 0 {
		at = len(a.queue)
	}
	a.queue = slices.Insert(a.queue, at, m)
	select {
	case a.arrived <- struct{}{}:
	default:
	}
}

// head returns the message with the lowest sequence; when there is none, the
// key is back in its lane.
func (a *aside) head() (m *message, waiting int) {
	a.lane.mu.Lock()
	defer a.lane.mu.Unlock()
	if len(a.queue) == 0 {
		delete(a.lane.aside, a.line)
		return nil, 0
	}
	return a.queue[0], len(a.queue)
}

// done removes m, and lets its follower try at once.
func (a *aside) done(m *message, o outcome) {
	failpoint.Here("inbox.committed")
	a.lane.mu.Lock()
	if at := slices.Index(a.queue, m); at >= 0 {
		a.queue = slices.Delete(a.queue, at, at+1)
	}
	if len(a.queue) > 0 {
		a.queue[0].next = time.Time{}
	}
	a.lane.mu.Unlock()
	a.lane.c.clear(a.line)
	a.lane.c.done(m, o)
}

// run works until the queue is empty or ctx ends.
func (a *aside) run(ctx context.Context) {
	defer a.lane.c.clear(a.line)
	for ctx.Err() == nil {
		m, waiting := a.head()
		if m == nil {
			return
		}
		if pause := time.Until(m.next); pause > 0 {
			timer := time.NewTimer(pause)
			select {
			case <-ctx.Done():
			case <-timer.C:
			case <-a.arrived: // the head may be another one now
			}
			timer.Stop()
			continue
		}
		a.try(ctx, m, waiting > a.lane.c.in.settings.crowd)
	}
}

// try takes m one step on. A crowd behind it ends all patience, because what
// waits counts against what the broker delivers.
func (a *aside) try(ctx context.Context, m *message, crowd bool) {
	c, now := a.lane.c, time.Now()
	o, err := c.apply(ctx, m)
	switch {
	case ctx.Err() != nil && err != nil:
	case err != nil:
		a.failed(ctx, m, err, crowd)
	case o != gap:
		observe(c, []*message{m}, time.Since(now))
		a.done(m, o)
	case a.skip(ctx, m):
	case m.waiting.IsZero():
		m.waiting, m.next = now, now.Add(c.in.settings.glance(0))
	case now.Sub(m.waiting) < c.in.settings.gap && !crowd:
		m.next = now.Add(c.in.settings.glance(now.Sub(m.waiting)))
	default:
		m.next = now.Add(c.in.settings.pause)
		if parked, err := c.parkGap(ctx, m); err != nil {
			a.failed(ctx, m, err, crowd)
		} else if parked {
			a.done(m, held)
		}
	}
}

// glance is how long to wait before the next look at a gap that has been open for
// so long. What is missing may be with a colleague, and done in a moment.
func (s settings) glance(open time.Duration) time.Duration {
	return min(s.pause, 10*time.Millisecond+open/2)
}

// skip looks for a snapshot behind the gap that m waits at, and goes on from
// there if the key was never seen. M is a duplicate then.
func (a *aside) skip(ctx context.Context, m *message) bool {
	a.lane.mu.Lock()
	at := slices.IndexFunc(a.queue, func(q *message) bool { return q.snapshot && q != m })
	var snapshot *message
	if at >= 0 {
		snapshot = a.queue[at]
	}
	a.lane.mu.Unlock()
	if snapshot == nil {
		return false
	}
	o, err := a.lane.c.apply(ctx, snapshot)
	if err != nil || o == gap {
		return false // its turn will come, or not
	}
	a.done(snapshot, o)
	return true
}

// failed decides whether m is tried again, and when, or is a dead letter.
func (a *aside) failed(ctx context.Context, m *message, err error, crowd bool) {
	c, now := a.lane.c, time.Now()
	f := c.in.classify(ctx, err)
	final := m.strike(c.in.settings, f, now, crowd)
	c.report(ctx, m, f, final)
	if f.transient {
		c.suffer(a.line, m, f.err, now)
	}
	failpoint.Here("inbox.retry")
	if !final {
		m.next = now.Add(m.delay(c.in.settings, f))
		return
	}
	buried, err := c.bury(ctx, m, f)
	switch {
	case err != nil:
		m.next = now.Add(c.in.settings.calm)
		c.in.log.WarnContext(c.about(ctx, m), "inbox: dead letter not written, trying again", "consumer", c.name, "message", m.id, "error", err)
	case buried:
		a.done(m, dead)
	} // else another process was faster, and the next look will say what it did
}
