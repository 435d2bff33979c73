package timers

import (
	"context"
	"fmt"

	"mallbots/internal/database"
)

// Overdue counts the timers that are due and have not fired.
func (t *Timers) Overdue(ctx context.Context) (int64, error) {
	n, err := database.One(ctx, t.db, database.Value[int64], `SELECT COUNT(*) FROM timers WHERE due_at <= $1`, database.Micros(t.now()))
	if err != nil {
		return 0, fmt.Errorf("timers %s: count the overdue: %w", t.db.Module(), err)
	}
	return n, nil
}
