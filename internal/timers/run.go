package timers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"mallbots/internal/cause"
	"mallbots/internal/database"
	"mallbots/internal/eventsourcing"
	"mallbots/internal/failpoint"
	"mallbots/internal/fault"
	"mallbots/internal/tracing"
)

const (
	safety = time.Second // the longest sleep: another process may set timers
	atOnce = 64          // timers read in one go
	hands  = 8           // timers fired at the same time
)

var (
	errNobody = errors.New("nobody handles timers of that name; register it with On")
	errTaken  = errors.New("timers: fired elsewhere, moved or cancelled")
)

var (
	overdue = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Name: "mallbots_timers_overdue",
		Help: "Timers that are due and not fired yet, up to 64.",
	}, []string{"module"})
	longest = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Name: "mallbots_timers_overdue_seconds",
		Help: "For how long the first of the timers that are due has been.",
	}, []string{"module"})
	late = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "mallbots_timers_late_seconds",
		Help:    "How long after it was due a timer fired.",
		Buckets: prometheus.ExponentialBuckets(0.001, 4, 12),
	}, []string{"module", "name"})
	failed = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "mallbots_timers_failed_total",
		Help: "Attempts to fire a timer that failed; each is followed by another.",
	}, []string{"module", "name"})
)

// timer is a row.
type timer struct {
	timerID
	due                    int64
	attempts               int64
	correlation, causation string
	traceparent            string // of the span in which it was set
}

// Run fires timers as they come due, until ctx ends; what is being fired by
// then is finished. A stored timer whose name nobody handles is logged at once.
func (t *Timers) Run(ctx context.Context) error {
	t.mu.Lock()
	if t.running {
		t.mu.Unlock()
		return errors.New("timers: they run already; start them once")
	}
	t.running = true
	t.mu.Unlock()
	defer func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.running = false
	}()
	wake, stop := t.db.Listen(topic)
	defer stop()
	t.complain(ctx)
	for ctx.Err() == nil {
		pause := time.NewTimer(t.round(ctx))
		select {
		case <-ctx.Done():
		case <-wake:
		case <-pause.C:
		}
		pause.Stop()
	}
	return nil
}

// round fires what is due and returns how long to sleep.
func (t *Timers) round(ctx context.Context) time.Duration {
	reading, cancel := context.WithTimeout(ctx, t.patience) // a connection may be lost without a word
	timers, err := database.All(reading, t.db, scan,
		`SELECT name, key, due_at, attempts, correlation_id, causation_id, traceparent FROM timers ORDER BY due_at LIMIT `+strconv.Itoa(atOnce))
	cancel()
	t.mu.Lock()
	t.broken = err
	t.mu.Unlock()
	if err != nil {
		if ctx.Err() == nil {
			t.log.WarnContext(ctx, "timers: read", "error", err)
		}
		return safety
	}
	now := database.Micros(t.now())
	ready := 0
	for ready < len(timers) && timers[ready].due <= now {
		ready++
	}
	overdue.WithLabelValues(t.db.Module()).Set(float64(ready))
	longest.WithLabelValues(t.db.Module()).Set(waits(timers[:ready], now).Seconds())
	t.fireAll(ctx, timers[:ready])
	switch {
	case ready > 0: // each that fired, or failed, changed the table
		return 0
	case len(timers) > 0:
		return min(time.Duration(timers[0].due-now)*time.Microsecond, safety)
	}
	return safety
}

// waits is for how long the first of some timers has been due.
func waits(due []timer, now int64) time.Duration {
	if len(due) == 0 {
		return 0
	}
	return time.Duration(now-due[0].due) * time.Microsecond
}

func scan(row database.Row) (timer, error) {
	var t timer
	err := row.Scan(&t.name, &t.key, &t.due, &t.attempts, &t.correlation, &t.causation, &t.traceparent)
	return t, err
}

// fireAll fires some timers, several at once, and waits for them.
func (t *Timers) fireAll(ctx context.Context, timers []timer) {
	queue := make(chan timer)
	var all sync.WaitGroup
	for range min(t.hands, len(timers)) {
		all.Go(func() {
			for next := range queue {
				t.fire(ctx, next)
			}
		})
	}
	for _, next := range timers {
		if ctx.Err() != nil {
			break
		}
		queue <- next
	}
	close(queue)
	all.Wait()
}

// fire handles one timer and removes it, unless its handler has armed it again, in
// one transaction, which outlives the end of ctx. A failure moves the timer to its
// next attempt. The row is locked first and is the same when it is armed again, so
// that who cancels it meanwhile waits for the outcome and cancels that.
func (t *Timers) fire(ctx context.Context, next timer) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.about(ctx, next)), t.patience)
	defer cancel()
	err := errNobody
	var span tracing.Span
	if handle := t.handlers[next.name]; handle != nil {
		ctx, span = t.tracer.Timer(ctx, t.db.Module(), next.name, next.key, cause.From(ctx).CorrelationID, next.traceparent)
		err = t.db.InTx(ctx, func(tx database.Tx) error {
			n, err := tx.Exec(ctx, `UPDATE timers SET attempts = -1 WHERE name = $1 AND key = $2 AND due_at = $3`, next.name, next.key, next.due)
			if err == nil && n != 1 {
				err = errTaken
			}
			if err != nil {
				return err
			}
			defer failpoint.Here("timer.firing")
			if err := t.handle(ctx, tx, next, handle); err != nil {
				return err
			}
			tx.Queue(database.Statement{ // Set has attempts 0
				SQL: `DELETE FROM timers WHERE name = $1 AND key = $2 AND attempts = -1`, Args: []any{next.name, next.key},
			})
			return nil
		})
	}
	if !errors.Is(err, errTaken) {
		tracing.End(span, err)
	}
	if err != nil && !errors.Is(err, errTaken) {
		t.postpone(ctx, next, err)
		return
	}
	if err == nil {
		failpoint.Here("timer.fired")
		late.WithLabelValues(t.db.Module(), next.name).Observe(t.now().Sub(database.Time(next.due)).Seconds())
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.troubles, next.timerID)
}

// suffer notes that a timer cannot be fired.
func (t *Timers) suffer(id timerID, reason error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	since := now
	if known, ok := t.troubles[id]; ok {
		since = known.since
	}
	t.troubles[id] = trouble{since, now, reason}
}

// handle calls the handler and turns its panic into an error.
func (t *Timers) handle(ctx context.Context, tx database.Tx, next timer, handle Handler) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("timers: the handler of %s panicked: %v\n%s", next.name, p, debug.Stack())
		}
	}()
	return handle(ctx, tx, next.key)
}

// about is ctx with a timer as the cause of what happens.
func (t *Timers) about(ctx context.Context, next timer) context.Context {
	correlation := next.correlation
	if correlation == "" {
		correlation = next.name + "/" + next.key
	}
	return cause.With(ctx, cause.Cause{
		Actor:         t.db.Module(),
		CorrelationID: correlation,
		CausationID:   "timer/" + next.name + "/" + next.key,
	})
}

// postpone moves a timer whose handler failed, unless it was moved or cancelled
// meanwhile. It is never dropped.
func (t *Timers) postpone(ctx context.Context, next timer, reason error) {
	t.suffer(next.timerID, reason)
	label := next.name
	if errors.Is(reason, errNobody) {
		label = "unknown"
	}
	failed.WithLabelValues(t.db.Module(), label).Inc()
	pause := t.pause(next.attempts, reason)
	level := slog.LevelWarn
	if next.attempts < 3 && passing(reason) {
		level = slog.LevelDebug
	}
	t.log.Log(ctx, level, "timers: failed, it is tried again", "name", next.name, "key", next.key, "attempt", next.attempts+1,
		"pause", pause, "error", reason)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.patience)
	defer cancel()
	err := t.db.InTx(ctx, func(tx database.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE timers SET attempts = attempts + 1, due_at = $4 WHERE name = $1 AND key = $2 AND due_at = $3`,
			next.name, next.key, next.due, database.Micros(t.now().Add(pause)))
		return err
	})
	if err != nil { // it is due still; do not spin on a database that is away
		t.log.WarnContext(ctx, "timers: postpone", "name", next.name, "key", next.key, "error", err)
		select {
		case <-time.After(min(pause, safety)):
		case <-ctx.Done():
		}
	}
}

// pause grows with the attempts, to a second for what should pass by itself and
// to half a minute for the rest; the second half of it is random.
func (t *Timers) pause(attempts int64, reason error) time.Duration {
	most := t.last
	if passing(reason) {
		most = min(time.Second, t.last)
	}
	d := min(t.first<<min(attempts, 20), most)
	return d/2 + t.chance(d/2)
}

// passing reports whether an error should pass by itself.
func passing(err error) bool {
	return database.Transient(err) || errors.Is(err, eventsourcing.ErrConflict) || fault.KindOf(err) == fault.Unavailable
}

// complain logs the stored names that nobody handles.
func (t *Timers) complain(ctx context.Context) {
	names, err := database.All(ctx, t.db, database.Value[string], `SELECT DISTINCT name FROM timers`)
	if err != nil {
		return // the first round tells
	}
	for _, name := range names {
		if t.handlers[name] == nil {
			t.log.ErrorContext(ctx, "timers: stored timers cannot be fired", "name", name, "error", errNobody)
			t.suffer(timerID{name, ""}, errNobody)
		}
	}
}
