package broker

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// tailEvery is how often Tail looks for more when there was nothing.
const tailEvery = 100 * time.Millisecond

// Tail hands each new message of a module's stream to see, until ctx ends. It
// only looks on: it makes no consumer, needs no right but to read, and keeps
// nothing of where it was. A stream that does not exist yet is waited for, and
// one that was lost is followed again from the beginning of its next life.
func (b *Broker) Tail(ctx context.Context, module string, see func(Message)) error {
	stream := b.Stream(module)
	var from place
	for begun := false; ; begun = true {
		next, err := from.follow(ctx, stream, begun, see)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !begun:
			return fmt.Errorf("broker: tail %s: %w", stream.Name(), err)
		case err == nil: // else the server is away, and comes back
			from = next
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(tailEvery):
		}
	}
}

// place is where a tail goes on.
type place struct {
	epoch string // of the stream; empty while there is none
	next  uint64
}

// follow hands on what came since, and returns where to go on. The first time
// it only finds out where the end is.
func (from place) follow(ctx context.Context, stream *Stream, begun bool, see func(Message)) (place, error) {
	state, err := stream.State(ctx)
	switch {
	case errors.Is(err, ErrNoStream):
		return place{}, nil // what will be in it is new
	case err != nil:
		return from, err
	case !begun:
		return place{state.Epoch, state.Last + 1}, nil
	case from.epoch != state.Epoch:
		from = place{state.Epoch, 1}
	}
	for from.next <= state.Last {
		page, err := stream.Read(ctx, from.next, MaxBatch)
		if err != nil || len(page) == 0 {
			return from, err
		}
		for _, m := range page {
			see(m)
			from.next = m.Sequence + 1
		}
	}
	return from, nil
}
