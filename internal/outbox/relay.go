package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"mallbots/internal/broker"
	"mallbots/internal/database"
	"mallbots/internal/failpoint"
	"mallbots/internal/sabotage"
	"mallbots/internal/tracing"
)

const (
	look     = 2 * time.Second        // how often to see whether the stream is as it was left
	poll     = 500 * time.Millisecond // how often to look without being woken
	patience = 5 * time.Second        // of Health with an interruption
	finish   = 5 * time.Second        // how long what was begun may take to end
	longest  = time.Second            // to wait after failures
	volume   = 8 << 20                // bytes of payload in one batch, about

	// few messages go one after the other: the server makes and syncs a store of
	// its own for every atomic batch, which costs as much as some twenty messages
	// (see BenchmarkBatch of internal/broker).
	few = 16
)

var errStepBack = errors.New("outbox: another process may reach the broker")

// Relay carries a module's messages from its outbox to its stream. Of all that
// run on one database, one is at work and the others stand by. One that has not
// been able to publish for a while lets another try.
type Relay struct {
	db        database.DB
	stream    Stream
	log       *slog.Logger
	retention time.Duration
	patience  time.Duration // how long an interruption may last before Health tells
	tracer    *tracing.Tracer

	mu      sync.Mutex
	running bool
	problem error     // why nothing is published at the moment
	since   time.Time // since when
	well    time.Time // since when it is not so; zero while it is
	taking  bool      // the next claim takes the stream, whosever it is

	// The following belong to the goroutine at work.
	epoch   string // the stream's life that last and scanned are of
	last    uint64 // the stream's last sequence
	scanned uint64 // how far the stream has been compared with the outbox
	singles int    // so many messages go one by one, after doubt
	whole   bool   // the stream holds all that outbox_sent says was sent

	incarnation string  // of the database that all this was compared with
	refused     int     // lost messages that the server does not take yet, believing that it has them
	missing     []space // what the stream lacks, as far as is known
	owner       string  // the database that the stream belongs to: this one
	fork        int64   // the producer's epoch that this comparison has begun; 0 if none
}

// Option changes how a Relay works.
type Option func(*Relay)

// Trace makes spans of the wait and the sending of each message that belongs to
// a trace.
func Trace(tracer *tracing.Tracer) Option { return func(r *Relay) { r.tracer = tracer } }

// NewRelay makes the relay of db's module, whose stream is stream.
func NewRelay(db database.DB, stream Stream, log *slog.Logger, options ...Option) *Relay {
	r := &Relay{
		db: db, stream: stream, log: log.With("part", "relay", "module", db.Module()),
		retention: broker.Retention + 24*time.Hour, patience: patience,
	}
	for _, option := range options {
		option(r)
	}
	exposeTrouble(db.Module())
	return r
}

// Run publishes until ctx ends. It leaves nothing undone that it began, and
// keeps trying whatever fails: the broker's and the database's absence delay
// messages and lose none. Only a stream of another module is an error, and one
// of another database: ErrForeign.
func (r *Relay) Run(ctx context.Context) error {
	if r.stream.Module() != r.db.Module() {
		return fmt.Errorf("outbox: the relay of %s was given the stream of %s", r.db.Module(), r.stream.Module())
	}
	r.setRunning(true)
	defer r.setRunning(false)
	ctx, cancel := context.WithCancel(ctx)
	var measuring sync.WaitGroup
	measuring.Go(func() { r.measure(ctx) })
	defer measuring.Wait()
	defer cancel()
	for ctx.Err() == nil {
		standby := time.AfterFunc(time.Second, r.standBy)
		lost, release, err := database.Lead(ctx, r.db, "outbox")
		standby.Stop()
		if err != nil && ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("outbox: lead the relay of %s: %w", r.db.Module(), err)
		}
		r.leads(1)
		err = r.lead(ctx, lost)
		r.leads(0)
		release()
		switch {
		case errors.Is(err, errStepBack):
			select {
			case <-ctx.Done():
			case <-time.After(longest): // who stands by is faster
			}
		case err != nil:
			return err
		}
	}
	return nil
}

// lead is at work until ctx ends or the leadership is lost. It is ErrForeign
// when the stream is another database's, and errStepBack when an interruption
// has lasted so long that another process may fare better.
func (r *Relay) lead(ctx context.Context, lost <-chan struct{}) error {
	ctx, cancel := context.WithCancel(ctx)
	r.epoch = "" // whoever led meanwhile has published; compare anew
	go func() {
		select {
		case <-lost:
			r.log.WarnContext(ctx, "outbox: leadership lost")
			cancel()
		case <-ctx.Done():
		}
	}()
	var pruning sync.WaitGroup
	pruning.Go(func() { r.prune(ctx) })
	defer pruning.Wait()
	defer cancel()
	wake, stop := r.db.Listen(topic)
	defer stop()
	for attempt := 1; ; attempt++ {
		began := time.Now()
		err := r.work(ctx, wake)
		if ctx.Err() != nil {
			r.settle()
			return nil
		}
		if errors.Is(err, ErrForeign) {
			return err
		}
		if errors.Is(err, errChanged) {
			r.log.WarnContext(ctx, "outbox: comparing the stream with the database again", "stream", r.stream.Name(), "because", err)
			attempt = 0
			continue
		}
		if time.Since(began) > patience {
			attempt = 1
		}
		r.interrupted(err, attempt)
		if r.db.Dialect() != database.SQLite && r.Health() != nil {
			r.log.InfoContext(ctx, "outbox: stepping back, for another process may reach the broker")
			return errStepBack
		}
		select {
		case <-ctx.Done():
		case <-time.After(backoff(attempt)):
		}
	}
}

// work publishes until something fails.
func (r *Relay) work(ctx context.Context, wake <-chan struct{}) error {
	if err := r.resume(ctx); err != nil {
		return err
	}
	m := r.newMover(context.WithoutCancel(ctx))
	defer m.close()
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	looked := time.Now()
	for {
		if time.Since(looked) > look {
			if err := r.look(ctx); err != nil {
				return err
			}
			looked = time.Now()
		}
		more, err := r.publish(ctx, m)
		if err != nil {
			return err
		}
		if more {
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-m.failed:
			return err
		case <-wake:
		case <-ticker.C:
		}
	}
}

// publish sends the next batch, and says whether there may be more.
func (r *Relay) publish(ctx context.Context, m *mover) (more bool, err error) {
	limit := broker.MaxBatch
	if r.singles > 0 {
		limit = 1
	}
	batch, err := m.next(ctx, limit)
	if err != nil {
		return false, err
	}
	if len(batch) == 0 {
		r.settle()
		return false, nil
	}
	messages, err := r.messages(batch)
	if err != nil {
		return false, err
	}
	together := len(messages)
	if together <= few {
		together = 1
	}
	for from := 0; from < len(messages); from += together {
		to := from + together
		if err := r.append(ctx, m, batch[from:to], messages[from:to]); err != nil {
			return false, err
		}
	}
	r.settle()
	return len(messages) < len(batch) || len(batch) == limit, nil // else the next commit wakes
}

// append sends rows as one batch, and has them moved when they are stored.
func (r *Relay) append(ctx context.Context, m *mover, rows []row, messages []broker.Message) error {
	detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), finish)
	begun := time.Now()
	if sabotage.On(sabotage.MarkFirst) {
		m.move(rows, r.last+1)
	}
	last, err := r.stream.Append(detached, r.last, messages)
	cancel()
	switch {
	case sabotage.On(sabotage.MarkFirst) && err == nil:
		r.last = last
	case err == nil:
		failpoint.Here("relay.acked")
		m.move(rows, r.last+1)
		r.last = last
		r.singles = max(0, r.singles-1)
	case errors.Is(err, broker.ErrDuplicate) && len(rows) == 1 && last > 0:
		// It is there already, further back than the stream was compared.
		m.move(rows, last)
	default:
		r.doubt(err, len(rows))
		return err
	}
	for _, row := range rows {
		published.WithLabelValues(r.db.Module(), kind(row.subject)).Inc()
	}
	r.sent(ctx, messages, begun, last)
	return nil
}

// doubt has the next messages go one by one: one to see where the stream is, or
// as many as there were in a batch of which one was there already.
func (r *Relay) doubt(err error, batch int) {
	r.singles = 1
	if errors.Is(err, broker.ErrDuplicate) {
		r.singles = batch
	}
}

// messages is as many of the rows as fit into one batch.
func (r *Relay) messages(batch []row) ([]broker.Message, error) {
	var all []broker.Message
	size := 0
	for _, row := range batch {
		if size += len(row.payload); size > volume && len(all) > 0 {
			break
		}
		m, err := row.message()
		if err != nil {
			return nil, err
		}
		if !strings.HasPrefix(m.Subject, "mallbots."+r.db.Module()+".") {
			return nil, fmt.Errorf("outbox: row %d is a %s, which is not an event of %s: publish it from its own module", row.id, kind(m.Subject), r.db.Module())
		}
		all = append(all, m)
	}
	return all, nil
}

// backoff is how long to wait after so many failures: at most a second, and
// up to half of it taken off by chance.
func backoff(attempts int) time.Duration {
	wait := longest
	if attempts < 9 {
		wait = min(wait, 10*time.Millisecond<<(attempts-1))
	}
	return wait - time.Duration(rand.Int64N(int64(wait)/2))
}
