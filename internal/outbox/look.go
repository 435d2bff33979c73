package outbox

import (
	"context"
	"errors"
	"fmt"

	"mallbots/internal/broker"
	"mallbots/internal/database"
)

// Why the stream and the database are compared again.
var (
	errChanged  = errors.New("the stream is not as it was left")
	errRestored = fmt.Errorf("%w: the database was restarted or restored", errChanged)
)

// surveyor is a stream that can say where it stands; *broker.Stream is one.
type surveyor interface {
	State(ctx context.Context) (broker.State, error)
}

// look sees whether the stream is still the one that was published to, ends
// where it was left, and holds what it held. It is errChanged when not: the
// relay then compares it with the database, and publishes again what it lost.
func (r *Relay) look(ctx context.Context) error {
	if !r.whole {
		return r.refill(ctx)
	}
	stream, can := r.stream.(surveyor)
	if !can {
		return nil
	}
	state, err := stream.State(ctx)
	switch {
	case errors.Is(err, broker.ErrNoStream):
		return fmt.Errorf("%w: it is gone", errChanged)
	case err != nil:
		return err
	case state.Epoch != r.epoch:
		return fmt.Errorf("%w: it was created anew", errChanged)
	case state.Owner.Database != r.owner:
		return fmt.Errorf("%w: another database has taken it over: %s", errChanged, state.Owner.Where)
	case state.Last != r.last:
		return fmt.Errorf("%w: its last sequence is %d, not %d", errChanged, state.Last, r.last)
	case lacking(state) > size(r.missing, state.First):
		return fmt.Errorf("%w: it lacks %d of its messages", errChanged, lacking(state))
	}
	return nil
}

// space is where messages are missing: from one sequence to another, both
// included.
type space struct{ from, to uint64 }

// lacking is how many messages are missing within a stream.
func lacking(s broker.State) uint64 {
	if s.Messages == 0 || s.Last < s.First {
		return 0 // all of them have passed their age
	}
	return s.Last - s.First + 1 - min(s.Messages, s.Last-s.First+1)
}

// size is how many messages are missing from first on.
func size(spaces []space, first uint64) (n uint64) {
	for _, s := range spaces {
		if s.to >= first {
			n += s.to - max(s.from, first) + 1
		}
	}
	return n
}

// findSpaces reads the whole stream when more is missing within it than is
// known, and marks the messages that were there as lost, to be published again.
func (r *Relay) findSpaces(ctx context.Context) error {
	stream, can := r.stream.(surveyor)
	if !can {
		return nil
	}
	state, err := stream.State(ctx)
	if err != nil {
		return err
	}
	if state.Epoch != r.epoch {
		return fmt.Errorf("%w: it was created anew", errChanged)
	}
	if lacking(state) <= size(r.missing, state.First) {
		return nil
	}
	r.log.ErrorContext(ctx, "outbox: messages are missing within the stream; it is read to find which",
		"stream", r.stream.Name(), "missing", lacking(state), "first", state.First, "last", state.Last)
	var spaces []space
	for next := state.First; next <= state.Last; {
		page, err := r.stream.Read(ctx, next, broker.MaxBatch)
		if err != nil {
			return err
		}
		for _, m := range page {
			if m.Sequence > next {
				spaces = append(spaces, space{next, m.Sequence - 1})
			}
			next = m.Sequence + 1
		}
		if len(page) == 0 {
			spaces = append(spaces, space{next, state.Last})
			break
		}
	}
	if err := r.markLost(ctx, spaces); err != nil {
		return err
	}
	r.missing = spaces
	return nil
}

// markLost notes that what was sent into some spaces is not there.
func (r *Relay) markLost(ctx context.Context, spaces []space) error {
	var lost int64
	err := r.db.InTx(ctx, func(tx database.Tx) error {
		lost = 0
		for _, s := range spaces {
			n, err := tx.Exec(ctx, `UPDATE outbox_sent SET epoch = '' WHERE epoch = $1 AND stream_sequence BETWEEN $2 AND $3`,
				r.epoch, int64(s.from), int64(s.to))
			if err != nil {
				return err
			}
			lost += n
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("outbox: mark what is missing within the stream: %w", err)
	}
	if lost > 0 {
		r.whole = false
	}
	return nil
}
