package timers

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"mallbots/internal/database"
)

// Armed is a timer that has not fired.
type Armed struct {
	Name     string
	Due      time.Time
	Attempts int64 // to fire it that failed
}

// About returns the timers of a key, the first due first.
func About(ctx context.Context, q database.Querier, key string) ([]Armed, error) {
	armed, err := database.All(ctx, q, func(row database.Row) (Armed, error) {
		var a Armed
		var due int64
		err := row.Scan(&a.Name, &due, &a.Attempts)
		a.Due = database.Time(due)
		return a, err
	}, `SELECT name, due_at, attempts FROM timers WHERE key = $1 ORDER BY due_at`, key)
	if err != nil {
		return nil, fmt.Errorf("timers: about %s: %w", key, err)
	}
	return armed, nil
}

// Names are the names of the timers that are handled, sorted.
func (t *Timers) Names() []string { return slices.Sorted(maps.Keys(t.handlers)) }
