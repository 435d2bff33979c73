package eventsourcing

import (
	"context"
	"fmt"

	"mallbots/internal/database"
)

// Snapshots publish what the aggregates of one kind are now, see
// Repository.Snapshots.
type Snapshots[A Aggregate[E], E Event] struct {
	repository *Repository[A, E]
	publish    func(ctx context.Context, tx database.Tx, a A) error
}

// Snapshots returns what publishes the state of each aggregate again. The
// events carry absolute state, see outbox.Snapshot.
func (r *Repository[A, E]) Snapshots(publish func(ctx context.Context, tx database.Tx, a A) error) Snapshots[A, E] {
	return Snapshots[A, E]{r, publish}
}

// Name is what the aggregates are called.
func (s Snapshots[A, E]) Name() string { return s.repository.name }

// Page returns the ids of at most limit aggregates after one, in order.
func (s Snapshots[A, E]) Page(ctx context.Context, q database.Querier, after string, limit int) ([]string, error) {
	ids, err := database.All(ctx, q, database.Value[string], `SELECT aggregate_id FROM events
		WHERE aggregate = $1 AND version = 1 AND aggregate_id > $2 ORDER BY aggregate_id LIMIT $3`, s.repository.name, after, int64(limit))
	if err != nil {
		return nil, fmt.Errorf("list each %s: %w", s.repository.name, err)
	}
	return ids, nil
}

// Publish publishes what one aggregate is, as tx sees it.
func (s Snapshots[A, E]) Publish(ctx context.Context, tx database.Tx, id string) error {
	a, err := s.repository.Load(ctx, tx, id)
	if err != nil {
		return err
	}
	return s.publish(ctx, tx, a)
}
