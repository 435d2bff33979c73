package eventsourcing

import (
	"context"
	"fmt"

	"mallbots/internal/database"
)

// Happened is a stored event without its data.
type Happened struct {
	Stored
	Aggregate string // what the aggregate is called
}

// About returns what happened to all aggregates with an id, whatever they are
// called, in the order in which it was stored. Data is left out: it may be
// personal.
func About(ctx context.Context, q database.Querier, id string) ([]Happened, error) {
	happened, err := database.All(ctx, q, func(row database.Row) (Happened, error) {
		var h Happened
		var at int64
		err := row.Scan(&h.ID, &h.Aggregate, &h.Version, &h.Name, &at, &h.Actor, &h.CorrelationID, &h.CausationID)
		h.OccurredAt = database.Time(at)
		return h, err
	}, `WITH RECURSIVE names (name) AS (
			SELECT MIN(aggregate) FROM events
			UNION ALL SELECT (SELECT MIN(aggregate) FROM events WHERE aggregate > names.name) FROM names WHERE names.name IS NOT NULL
		)
		SELECT e.id, e.aggregate, e.version, e.name, e.occurred_at, e.actor, e.correlation_id, e.causation_id
		FROM names JOIN events e ON e.aggregate = names.name AND e.aggregate_id = $1 ORDER BY e.position`, id)
	if err != nil {
		return nil, fmt.Errorf("read what happened to %s: %w", id, err)
	}
	return happened, nil
}
