package inbox

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"mallbots/internal/failpoint"
	"mallbots/internal/sabotage"
)

// lane works on the messages of some of the keys, in the order they came, many
// in one transaction. A key whose message fails is set aside and leaves the
// lane's way.
type lane struct {
	c    *consumer
	wake chan struct{}

	mu    sync.Mutex
	ready []*message
	aside map[string]*aside // by line
}

func newLane(c *consumer) *lane {
	return &lane{c: c, wake: make(chan struct{}, 1), aside: map[string]*aside{}}
}

// put queues m: behind its key if that is set aside, else for the next batch.
func (l *lane) put(ctx context.Context, m *message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if m.invalid != nil || l.aside[m.line()] != nil {
		l.setAside(ctx, m)
		return
	}
	l.ready = append(l.ready, m)
	l.nudge()
}

// nudge has the lane look whether there is something to do.
func (l *lane) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// together is how many messages go into one transaction.
const together = 50

// linger is how often events that nobody here handles are written down. They
// only move their gates, so they wait for company: all lanes write at the same
// moments, and a commit costs the same for one as for many.
const linger = 50 * time.Millisecond

// run applies batches until ctx ends.
func (l *lane) run(ctx context.Context) {
	for {
		if pause := l.pause(); pause != 0 {
			if !l.rest(ctx, pause) {
				return
			}
			continue
		}
		if ctx.Err() != nil {
			return
		}
		l.work(ctx, l.take())
	}
}

// forever is the pause of a lane that has nothing to do.
const forever = time.Duration(math.MaxInt64)

// pause is how long there is nothing that has to be done now.
func (l *lane) pause() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.ready) == 0 {
		return forever
	}
	if len(l.ready) >= together || l.idle() < len(l.ready) || l.c.urgent(l.ready) {
		return 0
	}
	due := l.ready[0].received.Truncate(linger).Add(linger)
	return max(0, time.Until(due))
}

// rest waits for something new, or until the pause is over; it is false when
// ctx has ended.
func (l *lane) rest(ctx context.Context, pause time.Duration) bool {
	over := time.NewTimer(pause)
	defer over.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-l.wake:
	case <-over.C:
	}
	return true
}

// idle counts the messages at the head of the queue that nobody here handles.
// The caller holds mu.
func (l *lane) idle() int {
	n := 0
	for n < len(l.ready) && n < together && l.c.in.handlers[l.ready[n].kind].apply == nil {
		n++
	}
	return n
}

// work applies a batch, or sets its keys aside.
func (l *lane) work(ctx context.Context, batch []*message) {
	if sabotage.Enabled && l.sabotaged(ctx, batch) {
		return
	}
	started := time.Now()
	outcomes, err := l.c.applyAll(ctx, batch)
	if err == nil {
		failpoint.Here("inbox.committed")
		observe(l.c, batch, time.Since(started))
		for i, m := range batch {
			l.c.done(m, outcomes[i])
		}
		return
	}
	if ctx.Err() == nil && !errors.Is(err, errNotNext) {
		l.c.in.log.DebugContext(ctx, "inbox: batch rolled back, its keys go one by one", "consumer", l.c.name, "messages", len(batch), "error", err)
	}
	l.split(ctx, batch)
}

// take removes the next batch from the queue.
func (l *lane) take() []*message {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := max(l.idle(), min(len(l.ready), l.c.in.settings.batch))
	batch := slices.Clone(l.ready[:n])
	l.ready = slices.Delete(l.ready, 0, n)
	return batch
}

// split sets aside the keys of a batch that failed, each to go on by itself,
// one message at a time. Whatever else waits for these keys goes with them.
func (l *lane) split(ctx context.Context, batch []*message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range batch {
		l.setAside(ctx, m)
	}
	l.ready = slices.DeleteFunc(l.ready, func(m *message) bool {
		if l.aside[m.line()] == nil {
			return false
		}
		l.setAside(ctx, m)
		return true
	})
}

// setAside queues m behind its key, which gets a goroutine of its own. The
// caller holds mu.
func (l *lane) setAside(ctx context.Context, m *message) {
	line := m.line()
	if a := l.aside[line]; a != nil {
		a.put(m)
		return
	}
	a := &aside{lane: l, line: line, queue: []*message{m}, arrived: make(chan struct{}, 1)}
	l.aside[line] = a
	if !l.c.stepped {
		l.c.work.Go(func() { a.run(ctx) })
	}
}
