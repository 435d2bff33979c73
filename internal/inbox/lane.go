package inbox

import (
	"context"
	"errors"
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
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run applies batches until ctx ends.
func (l *lane) run(ctx context.Context) {
	for {
		batch := l.take()
		if len(batch) == 0 {
			select {
			case <-ctx.Done():
				return
			case <-l.wake:
			}
			continue
		}
		if ctx.Err() != nil {
			return
		}
		l.work(ctx, batch)
	}
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
		l.c.in.log.Debug("inbox: batch rolled back, its keys go one by one", "consumer", l.c.name, "messages", len(batch), "error", err)
	}
	l.split(ctx, batch)
}

// take removes the next batch from the queue.
func (l *lane) take() []*message {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(len(l.ready), l.c.in.settings.batch)
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
