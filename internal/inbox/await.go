package inbox

import (
	"context"
	"errors"
	"slices"
	"time"

	"mallbots/internal/database"
)

// Await waits until the module has applied the message with that key and
// sequence from source, and reports whether it has. It gives up at ctx's
// deadline, and at once when the key is parked before it, because then an
// operator has to decide first. It is true at once for a source that the module
// does not consume.
func (in *Inbox) Await(ctx context.Context, source, key string, sequence int64) (bool, error) {
	c := in.consumers[source]
	if c == nil {
		return true, nil
	}
	moved, stop := in.db.Listen(topicMoved(c.name, key))
	defer stop()
	w := c.expect(key, sequence)
	defer c.leave(w)
	for {
		g, err := c.gate(ctx, key)
		switch {
		case errors.Is(ctx.Err(), context.DeadlineExceeded):
			return false, nil
		case err != nil && !errors.Is(err, database.ErrNoRows):
			return false, err
		case err == nil && g.sequence >= sequence:
			return true, nil
		case err == nil && g.state == parked:
			return false, nil
		}
		net := time.NewTimer(in.net())
		select {
		case <-w.reached:
			net.Stop()
			return true, nil
		case <-moved:
		case <-net.C:
		case <-ctx.Done():
			net.Stop()
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return false, nil
			}
			return false, ctx.Err()
		}
		net.Stop()
	}
}

// waiter waits in Await until a key's gate has reached a sequence.
type waiter struct {
	key      string
	sequence int64
	reached  chan struct{} // receives once a lane of this process has committed it
}

// expect has the lanes write down at once what they hold of a key, until the
// waiter leaves.
func (c *consumer) expect(key string, sequence int64) *waiter {
	w := &waiter{key, sequence, make(chan struct{}, 1)}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.awaited[key] = append(c.awaited[key], w)
	for _, l := range c.lanes {
		l.nudge()
	}
	return w
}

func (c *consumer) leave(w *waiter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.awaited[w.key] = slices.DeleteFunc(c.awaited[w.key], func(other *waiter) bool { return other == w })
	if len(c.awaited[w.key]) == 0 {
		delete(c.awaited, w.key)
	}
}

// urgent says whether somebody waits for the key of one of some messages.
func (c *consumer) urgent(messages []*message) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.awaited) > 0 && slices.ContainsFunc(messages, func(m *message) bool { return c.awaited[m.key] != nil })
}

// tell tells those who wait for messages that their gates have moved to them.
func (c *consumer) tell(batch []*message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.awaited) == 0 {
		return
	}
	for _, m := range batch {
		for _, w := range c.awaited[m.key] {
			if m.sequence < w.sequence {
				continue
			}
			select {
			case w.reached <- struct{}{}:
			default:
			}
		}
	}
}

// net is how often to look without being woken. A commit in another process
// wakes nobody here: a notification for each would cost more than the looks of
// those few who wait.
func (in *Inbox) net() time.Duration {
	if len(database.CrewOf(in.db).Members) == 1 {
		return in.settings.net
	}
	return in.settings.net / 10
}
