package inbox

import (
	"context"
	"fmt"
	"time"

	"mallbots/internal/broker"
	"mallbots/internal/database"
)

// hearing is up to which moment a consumer has heard everything that its source
// had published.
type hearing struct {
	epoch   string
	until   time.Time
	pending []sighting // ends of the stream that are not acknowledged yet
}

// sighting is where a stream ended at some moment.
type sighting struct {
	at   time.Time
	last uint64
}

// note takes in where the stream ended when it was asked, and what is
// acknowledged since.
func (h *hearing) note(asked time.Time, floor broker.Floor) {
	if floor.Epoch != h.epoch {
		h.epoch, h.pending = floor.Epoch, nil
	}
	const most = 1000 // then only the later ones count: it is behind for half an hour
	if len(h.pending) < most {
		h.pending = append(h.pending, sighting{asked, floor.Last})
	}
	for len(h.pending) > 0 && h.pending[0].last <= floor.Acknowledged {
		h.until = h.pending[0].at
		h.pending = h.pending[1:]
	}
}

// untracked is the answer when nobody compares: in a simulator, whose clock is
// not this one.
var untracked = time.Unix(1<<36, 0)

// HeardUntil is a moment up to which the module has dealt with everything that
// source had published; zero when there is none yet. It moves every two seconds
// while the module keeps up. Who takes somebody's silence for an answer waits
// until this has passed the moment at which the patience ended.
func (in *Inbox) HeardUntil(source string) time.Time {
	c := in.consumers[source]
	if c == nil {
		return untracked
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.hearing != nil:
		return c.hearing.until
	case c.stepped:
		return untracked
	}
	return time.Time{}
}

// Parked reports whether messages of a key from source wait for an operator.
func (in *Inbox) Parked(ctx context.Context, q database.Querier, source, key string) (bool, error) {
	c := in.consumers[source]
	if c == nil {
		return false, nil
	}
	n, err := database.One(ctx, q, database.Value[int64],
		`SELECT COUNT(*) FROM dead_letters WHERE consumer = $1 AND key = $2`, c.name, key)
	if err != nil {
		return false, fmt.Errorf("inbox: what is parked of %s: %w", key, err)
	}
	return n > 0, nil
}
