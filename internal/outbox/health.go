package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mallbots/internal/broker"
	"mallbots/internal/database"
)

// Health is nil while messages are published, or could be. A relay that stands
// by is well. An interruption is told after five seconds, with its cause.
func (r *Relay) Health() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case !r.running:
		return fmt.Errorf("outbox: the relay of %s is not running", r.db.Module())
	case r.problem != nil && time.Since(r.since) > r.patience:
		return fmt.Errorf("outbox: nothing of %s was published for %s: %w", r.db.Module(), time.Since(r.since).Round(time.Second), r.problem)
	}
	return nil
}

// HealthySince is when the relay began to work or to stand by, or was last seen
// to publish again after an interruption; zero while it does not. Unlike Health
// it has no patience.
func (r *Relay) HealthySince() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.well
}

// Depth is how many messages wait to be published, and for how long the oldest
// of them has.
func (r *Relay) Depth(ctx context.Context) (rows int64, oldest time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience) // who measures goes on, even if a connection is lost without a word
	defer cancel()
	since, err := database.One(ctx, r.db, func(from database.Row) (int64, error) {
		var created int64
		err := from.Scan(&rows, &created)
		return created, err
	}, `SELECT (SELECT COUNT(*) FROM outbox), COALESCE((SELECT created_at FROM outbox ORDER BY id LIMIT 1), 0)`)
	if err != nil {
		return 0, 0, fmt.Errorf("outbox: depth: %w", err)
	}
	if since != 0 {
		oldest = max(0, time.Since(database.Time(since)))
	}
	return rows, oldest, nil
}

// measure keeps the gauges up to date.
func (r *Relay) measure(ctx context.Context) {
	every := time.NewTicker(patience)
	defer every.Stop()
	for {
		if rows, oldest, err := r.Depth(ctx); err == nil {
			rowsWaiting.WithLabelValues(r.db.Module()).Set(float64(rows))
			oldestAge.WithLabelValues(r.db.Module()).Set(oldest.Seconds())
		}
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
	}
}

func (r *Relay) setRunning(running bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running, r.well = running, time.Time{}
	if running {
		r.well = time.Now()
	}
}

// standBy ends the interruption of a relay that has stepped back: now it is
// another's to publish.
func (r *Relay) standBy() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running && r.problem != nil {
		r.problem, r.well = nil, time.Now()
	}
}

// settle ends an interruption.
func (r *Relay) settle() {
	r.mu.Lock()
	problem := r.problem
	since := r.since
	r.problem = nil
	if problem != nil {
		r.well = time.Now()
	}
	r.mu.Unlock()
	if problem != nil {
		r.log.Info("outbox: publishing again", "after", time.Since(since))
	}
}

// interrupted begins an interruption, or goes on with it.
func (r *Relay) interrupted(err error, attempt int) {
	r.mu.Lock()
	first := r.problem == nil
	if first {
		r.since = time.Now()
	}
	r.problem, r.well = err, time.Time{}
	r.mu.Unlock()
	publishErrors.WithLabelValues(r.db.Module(), reason(err)).Inc()
	if first || attempt%30 == 0 {
		r.log.Warn("outbox: publishing interrupted, trying again", "attempt", attempt, "error", err)
	}
}

// reason is an error in one word, for the metric.
func reason(err error) string {
	switch {
	case errors.Is(err, broker.ErrStale):
		return "stale"
	case errors.Is(err, broker.ErrDuplicate):
		return "duplicate"
	case errors.Is(err, broker.ErrUnknown):
		return "no_answer"
	case errors.Is(err, broker.ErrNoStream):
		return "no_stream"
	}
	return "other"
}
