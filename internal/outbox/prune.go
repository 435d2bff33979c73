package outbox

import (
	"context"
	"fmt"
	"time"

	"mallbots/internal/broker"
	"mallbots/internal/database"
)

// prune deletes, every hour, what was sent longer ago than the stream keeps.
func (r *Relay) prune(ctx context.Context) {
	wait := time.Minute
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		wait = time.Hour
		if deleted, err := r.pruned(ctx); err != nil && ctx.Err() == nil {
			r.log.ErrorContext(ctx, "outbox: prune", "error", err)
		} else if deleted > 0 {
			r.log.InfoContext(ctx, "outbox: pruned", "rows", deleted)
		}
	}
}

// pruned deletes in small transactions, so that nobody waits long for it. It
// finds what is old by its id, which begins with its time: an index by time
// would cost a page for every message.
func (r *Relay) pruned(ctx context.Context) (deleted int64, err error) {
	const step = 500
	old := time.Now().Add(-r.retention)
	before := database.Micros(old)
	for {
		var n int64
		err := r.db.InTx(ctx, func(tx database.Tx) error {
			var err error
			n, err = tx.Exec(ctx, `DELETE FROM outbox_sent WHERE message_id IN
				(SELECT message_id FROM outbox_sent WHERE message_id < $1 AND sent_at < $2 ORDER BY message_id LIMIT $3)`,
				broker.FirstID(old), before, int64(step))
			return err
		})
		if err != nil {
			return deleted, fmt.Errorf("outbox: delete what was sent before %s: %w", database.Time(before).Format(time.RFC3339), err)
		}
		if deleted += n; n < step {
			return deleted, nil
		}
	}
}
