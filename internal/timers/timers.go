// Package timers keeps a module's deadlines as rows of its database: set in the
// transaction that makes them necessary, and fired in the transaction that acts
// on them. A timer survives restarts, fires late rather than never, and once.
//
//	t := timers.New(db, log)
//	t.On("fulfilment.deadline", m.onDeadline) // func(ctx, tx, key string) error
//	err := t.Run(ctx)
//
//	timers.Set(ctx, tx, "fulfilment.deadline", orderID, due) // in a command
//	timers.Cancel(ctx, tx, "fulfilment.deadline", orderID)
//
// A timer is its name and its key: to set it again is to move it. The handler
// may do so, which is how it is armed again. When the handler fails, the timer
// stays and is tried again with growing pauses, for ever: a deadline is never
// dropped. Several processes may run on one database; the conditional update of
// the row decides which of them fires.
package timers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"mallbots/internal/cause"
	"mallbots/internal/database"
	"mallbots/internal/tracing"
)

// topic is notified by every commit that sets a timer.
const topic = "timers"

// Handler acts on a timer that is due, in the transaction that removes it.
type Handler func(ctx context.Context, tx database.Tx, key string) error

// Timers fires the timers of one module.
type Timers struct {
	db       database.DB
	log      *slog.Logger
	now      func() time.Time
	patience time.Duration // for one handler
	first    time.Duration // before the second attempt; doubles from there
	last     time.Duration // the longest pause between attempts
	handlers map[string]Handler
	hands    int                                     // timers fired at the same time
	tracer   *tracing.Tracer                         // nil: no spans
	chance   func(limit time.Duration) time.Duration // a pause's random part

	mu       sync.Mutex
	running  bool
	broken   error               // why the table could not be read, or nil
	troubles map[timerID]trouble // timers whose handler fails
}

// timerID names a timer.
type timerID struct{ name, key string }

// trouble is a timer that cannot be fired. One that was cancelled since then
// fails no more, and is forgotten.
type trouble struct {
	since, latest time.Time
	err           error
}

// Option changes how Timers work.
type Option func(*Timers)

// Clock replaces time.Now, for a simulator.
func Clock(now func() time.Time) Option { return func(t *Timers) { t.now = now } }

// Trace makes a span of each timer that fires.
func Trace(tracer *tracing.Tracer) Option { return func(t *Timers) { t.tracer = tracer } }

// New returns the timers of the module that owns db.
func New(db database.DB, log *slog.Logger, options ...Option) *Timers {
	t := &Timers{
		db: db, log: tracing.Logs(log), now: time.Now, patience: 10 * time.Second,
		first: 50 * time.Millisecond, last: 30 * time.Second,
		handlers: map[string]Handler{}, troubles: map[timerID]trouble{},
		hands: hands, chance: func(limit time.Duration) time.Duration { return rand.N(limit + 1) },
	}
	for _, option := range options {
		option(t)
	}
	return t
}

// On gives the timers of one name to handle. Its context carries the
// correlation of whoever set the timer, and ends after 10 seconds. Names are
// stored, so they never change.
func (t *Timers) On(name string, handle Handler) {
	t.handlers[name] = handle
	failed.WithLabelValues(t.db.Module(), name) // from zero on, so that its first step can be seen
	late.WithLabelValues(t.db.Module(), name)
}

// Set arms the timer of that name and key, or moves it, in tx. The correlation
// of ctx goes with it.
func Set(ctx context.Context, tx database.Tx, name, key string, due time.Time) error {
	if name == "" || key == "" || due.IsZero() {
		return fmt.Errorf("timers: set %q for %q at %s: name, key and time are required", name, key, due)
	}
	c := cause.From(ctx)
	tx.Queue(database.Statement{
		SQL: `INSERT INTO timers (name, key, due_at, attempts, correlation_id, causation_id, traceparent)
			VALUES ($1, $2, $3, 0, $4, $5, $6)
			ON CONFLICT (name, key) DO UPDATE SET due_at = excluded.due_at, attempts = 0,
			correlation_id = excluded.correlation_id, causation_id = excluded.causation_id, traceparent = excluded.traceparent`,
		Args: []any{name, key, database.Micros(due), c.CorrelationID, c.CausationID, tracing.Traceparent(ctx)},
	})
	tx.Notify(topic)
	return nil
}

// Cancel disarms the timer of that name and key in tx, if it is armed.
func Cancel(_ context.Context, tx database.Tx, name, key string) error {
	if name == "" || key == "" {
		return errors.New("timers: cancel: name and key are required")
	}
	tx.Queue(database.Statement{SQL: `DELETE FROM timers WHERE name = $1 AND key = $2`, Args: []any{name, key}})
	return nil
}

// Health is an error that names what keeps timers from firing: Run is not
// running, the table cannot be read, a name nobody handles, or handlers that
// have failed for more than 5 seconds.
func (t *Timers) Health() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.running {
		return fmt.Errorf("timers %s: they do not run", t.db.Module())
	}
	if t.broken != nil {
		return fmt.Errorf("timers %s: %w", t.db.Module(), t.broken)
	}
	now := t.now()
	for id, trouble := range t.troubles {
		if now.Sub(trouble.latest) > 2*t.last {
			delete(t.troubles, id)
			continue
		}
		if now.Sub(trouble.since) > tolerable || errors.Is(trouble.err, errNobody) {
			return fmt.Errorf("timers %s: %d cannot be fired, such as %s of %s: %w", t.db.Module(), len(t.troubles), id.name, id.key, trouble.err)
		}
	}
	return nil
}

// tolerable is how long a timer may fail before Health tells of it.
const tolerable = 5 * time.Second

// Overdue counts the timers that are due and have not fired.
func (t *Timers) Overdue(ctx context.Context) (int64, error) {
	n, err := database.One(ctx, t.db, database.Value[int64], `SELECT COUNT(*) FROM timers WHERE due_at <= $1`, database.Micros(t.now()))
	if err != nil {
		return 0, fmt.Errorf("timers %s: count the overdue: %w", t.db.Module(), err)
	}
	return n, nil
}
