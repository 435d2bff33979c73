package inbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mallbots/internal/broker"
	"mallbots/internal/database"
)

// trouble is a message that fails for a reason that should pass.
type trouble struct {
	since time.Time
	kind  string
	err   error
}

// tolerable is how long trouble may last before Health tells of it.
const tolerable = 5 * time.Second

// suffer notes that the head of a line fails.
func (c *consumer) suffer(line string, m *message, err error, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := trouble{since: now, kind: m.kind, err: err}
	if known, ok := c.troubles[line]; ok {
		t.since = known.since
	}
	c.troubles[line] = t
}

// clear notes that a line got on.
func (c *consumer) clear(line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.troubles, line)
}

// Health is an error that names each consumer whose messages have failed for
// more than 5 seconds for reasons that should have passed by now: the database
// is away, a handler finds a part unavailable. Dead letters are no ill health;
// they are counted. Whether the broker is reachable is the broker's to say.
func (in *Inbox) Health() error {
	in.mu.Lock()
	running := in.running
	in.mu.Unlock()
	if !running && len(in.consumers) > 0 {
		return fmt.Errorf("inbox %s: it does not run", in.db.Module())
	}
	now := time.Now()
	err := in.absent()
	for _, source := range in.Sources() {
		err = errors.Join(err, in.consumers[source].health(now))
	}
	return err
}

// absent is an error when this process has not been among those that share the
// module's work for a while, so that it gets none.
func (in *Inbox) absent() error {
	crew := database.CrewOf(in.db)
	if crew.Self != 0 || len(in.consumers) == 0 || crew.Since.IsZero() || time.Since(crew.Since) < tolerable {
		return nil
	}
	return fmt.Errorf("inbox %s: it has taken no part in the work for %s: %w",
		in.db.Module(), time.Since(crew.Since).Round(time.Second), crew.Problem)
}

func (c *consumer) health(now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var worst trouble
	n := 0
	for _, t := range c.troubles {
		if now.Sub(t.since) < tolerable {
			continue
		}
		if n++; n == 1 || t.since.Before(worst.since) {
			worst = t
		}
	}
	if n == 0 {
		return nil
	}
	return fmt.Errorf("inbox %s: %d keys fail and are retried, %s for %s: %w",
		c.name, n, worst.kind, now.Sub(worst.since).Round(time.Second), worst.err)
}

// Lag returns how many messages of all sources the module has yet to
// acknowledge, those in its lanes included. It needs Run.
func (in *Inbox) Lag(ctx context.Context) (uint64, error) {
	in.mu.Lock()
	b := in.broker
	in.mu.Unlock()
	if len(in.consumers) == 0 {
		return 0, nil
	}
	if b == nil {
		return 0, fmt.Errorf("inbox %s: it does not run", in.db.Module())
	}
	var total uint64
	for _, source := range in.Sources() {
		c := in.consumers[source]
		n, err := b.Pending(ctx, c.name, source)
		if err != nil {
			return 0, fmt.Errorf("inbox %s: lag: %w", c.name, err)
		}
		lag.WithLabelValues(in.db.Module(), source).Set(float64(n))
		total += n
	}
	return total, nil
}

// housekeep refreshes the gauges every few seconds and prunes every hour,
// until ctx ends.
func (in *Inbox) housekeep(ctx context.Context) {
	gauges, prune := time.NewTicker(5*time.Second), time.NewTicker(time.Hour)
	defer gauges.Stop()
	defer prune.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-gauges.C:
			replicas.WithLabelValues(in.db.Module()).Set(float64(len(database.CrewOf(in.db).Members)))
			if _, err := in.Lag(ctx); err != nil && ctx.Err() == nil {
				in.log.DebugContext(ctx, "inbox: lag", "error", err)
			}
			in.gaugeLetters(ctx)
		case <-prune.C:
			if err := in.prune(ctx); err != nil && ctx.Err() == nil {
				in.log.WarnContext(ctx, "inbox: prune", "error", err)
			}
		}
	}
}

func (in *Inbox) gaugeLetters(ctx context.Context) {
	for _, source := range in.Sources() {
		n, err := in.consumers[source].waiting(ctx)
		if err == nil { // else the next round tells
			letters.WithLabelValues(in.db.Module(), source).Set(float64(n.letters))
			heldBack.WithLabelValues(in.db.Module(), source).Set(float64(n.held))
			parkedKeys.WithLabelValues(in.db.Module(), source).Set(float64(n.keys))
		}
	}
}

// waiting is what waits for an operator.
type waiting struct{ letters, held, keys int64 }

func (c *consumer) waiting(ctx context.Context) (waiting, error) {
	return database.One(ctx, c.in.db, func(row database.Row) (waiting, error) {
		var n waiting
		err := row.Scan(&n.letters, &n.held, &n.keys)
		return n, err
	}, `SELECT COUNT(CASE WHEN cause <> $2 THEN 1 END), COUNT(CASE WHEN cause = $2 THEN 1 END),
		COUNT(DISTINCT CASE WHEN cause NOT IN ($2, $3) THEN key END) FROM dead_letters WHERE consumer = $1`,
		c.name, CauseHeld, CauseInvalid)
}

// prune deletes inbox rows that are older than any redelivery can be, a
// thousand per transaction. The gate rows stay: they are the memory without end.
func (in *Inbox) prune(ctx context.Context) error {
	before := time.Now().Add(-in.settings.keep)
	for _, source := range in.Sources() {
		if err := in.pruneConsumer(ctx, in.consumers[source].name, before); err != nil {
			return err
		}
	}
	return nil
}

// pruneConsumer finds what is old by its id, which begins with its time: an
// index by time would cost a page for every message.
func (in *Inbox) pruneConsumer(ctx context.Context, consumer string, before time.Time) error {
	for {
		var n int64
		err := in.db.InTx(ctx, func(tx database.Tx) error {
			var err error
			n, err = tx.Exec(ctx, `DELETE FROM inbox WHERE consumer = $1 AND message_id IN (
				SELECT message_id FROM inbox WHERE consumer = $1 AND message_id < $2 AND received_at < $3
				AND status NOT IN ('parked', 'dead') ORDER BY message_id LIMIT 1000)`,
				consumer, broker.FirstID(before), database.Micros(before))
			return err
		})
		if err != nil || n < 1000 {
			return err
		}
	}
}
