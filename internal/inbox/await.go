package inbox

import (
	"context"
	"errors"
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
	in.awaited.Add(1)
	defer in.awaited.Add(-1)
	c.hurry()
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

// net is how often to look without being woken. A commit in another process
// wakes nobody here: a notification for each would cost more than the looks of
// those few who wait.
func (in *Inbox) net() time.Duration {
	if len(database.CrewOf(in.db).Members) == 1 {
		return in.settings.net
	}
	return in.settings.net / 10
}
