package inbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"mallbots/internal/broker"
	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
	moneyv1 "mallbots/proto/mallbots/money/v1"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

// effects has no unique key, so that an effect that happens twice shows; before
// is the highest sequence the key had when the effect happened.
var effects = fstest.MapFS{"0001_effects.sql": {Data: []byte(`-- +goose Up
CREATE TABLE effects (key TEXT NOT NULL, sequence BIGINT NOT NULL, before BIGINT NOT NULL);
CREATE INDEX effects_key ON effects (key, sequence);
`)}}

// bench is an inbox under test. Its module is "test" and listens to stores;
// ProductPriceChanged has an effect, the price being the sequence.
type bench struct {
	t     testing.TB
	db    database.DB
	in    *Inbox
	c     *consumer
	place uint64
	// fail, when set, is asked before each effect.
	fail atomic.Pointer[func(ctx context.Context, tx database.Tx, e *storesv1.ProductPriceChanged) error]
}

// onBoth runs test on each database.
func onBoth(t *testing.T, test func(b *bench)) {
	t.Helper()
	databasetest.Each(t, effects, func(t *testing.T, db database.DB) {
		b := newBench(t, db)
		test(b)
	})
}

func newBench(t testing.TB, db database.DB, options ...Option) *bench {
	b := &bench{t: t, db: db}
	b.in = New(db, slog.New(slog.NewTextHandler(io.Discard, nil)), options...)
	b.in.settings.gap = 400 * time.Millisecond
	b.in.settings.pause = 10 * time.Millisecond
	b.in.settings.first = time.Millisecond
	b.in.settings.calm = 20 * time.Millisecond
	On(b.in, b.onProductPriceChanged)
	Ignore[*storesv1.StoreCreated](b.in)
	Ignore[*storesv1.StoreParticipationChanged](b.in)
	Ignore[*storesv1.StoreRebranded](b.in)
	Ignore[*storesv1.ProductAdded](b.in)
	Ignore[*storesv1.ProductRebranded](b.in)
	Ignore[*storesv1.ProductRemoved](b.in)
	require.NoError(t, b.in.Check())
	b.c = b.in.consumers["stores"]
	return b
}

func (b *bench) onProductPriceChanged(ctx context.Context, tx database.Tx, e *storesv1.ProductPriceChanged) error {
	if fail := b.fail.Load(); fail != nil {
		if err := (*fail)(ctx, tx, e); err != nil {
			return err
		}
	}
	tx.Queue(database.Statement{
		SQL:  `INSERT INTO effects (key, sequence, before) SELECT $1, $2, COALESCE(MAX(sequence), 0) FROM effects WHERE key = $1`,
		Args: []any{e.GetProductId(), e.GetPrice().GetMinorUnits()}, Rows: 1, Else: errors.New("no effect"),
	})
	return nil
}

// failing makes the handler ask f first; nil makes it well again.
func (b *bench) failing(f func(ctx context.Context, tx database.Tx, e *storesv1.ProductPriceChanged) error) {
	if f == nil {
		b.fail.Store(nil)
		return
	}
	b.fail.Store(&f)
}

// start runs the lanes without a broker, and returns what stops them.
func (b *bench) start() (stop func()) {
	ctx, cancel := context.WithCancel(b.t.Context())
	b.c.start(ctx)
	stop = func() {
		cancel()
		b.c.work.Wait()
		b.c.giveBack()
	}
	b.t.Cleanup(stop)
	return stop
}

// receipt is a delivery's ticket that counts.
type receipt struct{ acks, back atomic.Int64 }

func (r *receipt) Ack() error              { r.acks.Add(1); return nil }
func (r *receipt) InProgress() error       { return nil }
func (r *receipt) Nak(time.Duration) error { r.back.Add(1); return nil }

// deliver hands m over as a delivery of its own.
func (b *bench) deliver(m broker.Message) *receipt {
	r := &receipt{}
	m.Sequence = atomic.AddUint64(&b.place, 1)
	b.c.receive(b.t.Context(), m, r)
	return r
}

// price is the change of a product's price to its own sequence.
func price(key string, sequence int64) broker.Message {
	return event(key, sequence, &storesv1.ProductPriceChanged{
		ProductId: key, Price: &moneyv1.Money{CurrencyCode: "USD", MinorUnits: sequence},
	})
}

// event is a message as stores publishes it.
func event(key string, sequence int64, e proto.Message) broker.Message {
	data, err := proto.Marshal(e)
	if err != nil {
		panic(err)
	}
	envelope := broker.Envelope{
		ID: uuid.Must(uuid.NewV7()).String(), Source: "stores", Type: string(e.ProtoReflect().Descriptor().FullName()),
		Key: key, Time: time.Now(), Sequence: sequence, CorrelationID: "talk", CausationID: "request",
	}
	return broker.Message{Subject: envelope.Subject(), ID: envelope.ID, Header: envelope.Headers(), Data: data}
}

// long is how long a test waits for what must come, however busy the machine is.
const long = 30 * time.Second

// eventually waits for what must become true. The condition is asked in the
// test's own goroutine, so that it may require something.
func (b *bench) eventually(condition func() bool, message ...any) {
	b.t.Helper()
	eventually(b.t, condition, message...)
}

func eventually(t testing.TB, condition func() bool, message ...any) {
	t.Helper()
	for deadline := time.Now().Add(long); !condition(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			require.Fail(t, "what is waited for does not come", message...)
		}
	}
}

// acked waits for the acknowledgement of each.
func (b *bench) acked(receipts ...*receipt) {
	b.t.Helper()
	for i, r := range receipts {
		b.eventually(func() bool { return r.acks.Load() > 0 }, "delivery %d is not acknowledged", i)
	}
}

// applied requires that a key has had exactly the effects 1 to last, in order.
func (b *bench) applied(key string, last int64) {
	b.t.Helper()
	type row struct{ sequence, before int64 }
	rows, err := database.All(b.t.Context(), b.db, func(r database.Row) (row, error) {
		var v row
		err := r.Scan(&v.sequence, &v.before)
		return v, err
	}, `SELECT sequence, before FROM effects WHERE key = $1 ORDER BY sequence`, key)
	require.NoError(b.t, err)
	var want []row
	for i := range last {
		want = append(want, row{i + 1, i})
	}
	require.Equal(b.t, want, rows, "the effects of %s", key)
}

// effectsOf are the sequences that had an effect on a key.
func (b *bench) effectsOf(key string) []int64 {
	b.t.Helper()
	all, err := database.All(b.t.Context(), b.db, database.Value[int64], `SELECT sequence FROM effects WHERE key = $1 ORDER BY sequence`, key)
	require.NoError(b.t, err)
	return all
}

// gate returns a key's position and state.
func (b *bench) gate(key string) gate {
	b.t.Helper()
	g, err := database.One(b.t.Context(), b.db, func(r database.Row) (gate, error) {
		var g gate
		var s int64
		err := r.Scan(&g.sequence, &s)
		g.state = state(s)
		return g, err
	}, `SELECT sequence, parked FROM inbox_keys WHERE consumer = 'test_stores' AND key = $1`, key)
	if errors.Is(err, database.ErrNoRows) {
		return gate{}
	}
	require.NoError(b.t, err)
	return g
}

// statuses counts the inbox rows of a key by status.
func (b *bench) statuses(key string) map[string]int {
	b.t.Helper()
	all, err := database.All(b.t.Context(), b.db, database.Value[string], `SELECT status FROM inbox WHERE key = $1`, key)
	require.NoError(b.t, err)
	counts := map[string]int{}
	for _, s := range all {
		counts[s]++
	}
	return counts
}

// letters lists what is dead, or held.
func (b *bench) letters(cause string) []Letter {
	b.t.Helper()
	all, err := b.in.List(b.t.Context(), Filter{Cause: cause}, 1000)
	require.NoError(b.t, err)
	return all
}

func keys(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("product-%02d", i)
	}
	return all
}
