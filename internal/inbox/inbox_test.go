package inbox

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/wrapperspb"
	"pgregory.net/rapid"

	"mallbots/internal/broker"
	"mallbots/internal/cause"
	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
	"mallbots/internal/eventsourcing"
	"mallbots/internal/fault"
	basketsv1 "mallbots/proto/mallbots/baskets/v1"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

func TestAMessageIsAppliedOnceAndAcknowledged(t *testing.T) {
	onBoth(t, func(b *bench) {
		var got cause.Cause
		b.failing(func(ctx context.Context, _ database.Tx, _ *storesv1.ProductPriceChanged) error {
			got = cause.From(ctx)
			return nil
		})
		b.start()
		first := price("ada", 1)
		b.acked(b.deliver(first))
		require.Equal(b.t, cause.Cause{Actor: "test", CorrelationID: "talk", CausationID: first.ID}, got)

		second := b.deliver(price("ada", 2))
		b.acked(second, b.deliver(first))
		b.applied("ada", 2)
		require.EqualValues(b.t, 1, second.acks.Load())
		require.Equal(b.t, map[string]int{"applied": 2}, b.statuses("ada"))
		require.Empty(b.t, b.c.inFlight())
	})
}

// A stream that has lost its end gives sequences out again, and the server knows
// what is acknowledged by its sequence.
func TestNothingIsAcknowledgedForWhatHasTakenItsPlace(t *testing.T) {
	onBoth(t, func(b *bench) {
		away := make(chan struct{}, 1000)
		b.failing(func(_ context.Context, _ database.Tx, e *storesv1.ProductPriceChanged) error {
			if e.GetProductId() != "old" {
				return nil
			}
			away <- struct{}{}
			return context.DeadlineExceeded
		})
		b.start()
		old := b.deliver(price("old", 1))
		<-away
		b.place-- // the stream is cut, and filled again
		b.acked(b.deliver(price("new", 1)))
		b.failing(nil)
		b.eventually(func() bool { return len(b.c.inFlight()) == 0 })
		b.applied("old", 1)
		b.applied("new", 1)
		require.Zero(b.t, old.acks.Load())
		require.True(b.t, b.c.replaced.Load(), "what is acknowledged is compared again")
	})
}

func TestTheSameMessageFromEightSidesHasOneEffect(t *testing.T) {
	onBoth(t, func(b *bench) {
		m := newMessage("stores", price("ada", 1), silent{}, time.Now())
		outcomes := make(chan outcome, 8)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for {
					o, err := b.c.apply(b.t.Context(), m)
					if err == nil {
						outcomes <- o
						return
					}
					if !database.Transient(err) {
						b.t.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
		close(outcomes)
		count := map[outcome]int{}
		for o := range outcomes {
			count[o]++
		}
		require.Equal(b.t, map[outcome]int{applied: 1, duplicate: 7}, count)
		b.applied("ada", 1)
	})
}

// I6: whatever the deliveries look like, each key's effects happen once and in order.
func TestShuffledAndDuplicatedDeliveriesKeepTheOrderOfEachKey(t *testing.T) {
	for _, dialect := range databasetest.Dialects {
		t.Run(string(dialect), func(t *testing.T) {
			b := newBench(t, databasetest.Open(t, dialect, "test", effects))
			b.in.settings.batch = 5
			var flaky atomic.Int64
			b.failing(func(context.Context, database.Tx, *storesv1.ProductPriceChanged) error {
				if n := flaky.Load(); n > 0 && flaky.CompareAndSwap(n, n-1) {
					return eventsourcing.ErrConflict
				}
				return nil
			})
			b.start()
			round := 0
			rapid.Check(t, func(r *rapid.T) {
				round++
				names := keys(rapid.IntRange(1, 4).Draw(r, "keys"))
				var deck []broker.Message
				last := map[string]int64{}
				for i, name := range names {
					name = name + "-" + string(dialect) + "-" + price("", 1).ID
					names[i] = name
					last[name] = int64(rapid.IntRange(1, 6).Draw(r, "messages"))
					for s := range last[name] {
						m := price(name, s+1)
						for range rapid.IntRange(1, 3).Draw(r, "copies") {
							deck = append(deck, m)
						}
					}
				}
				flaky.Store(int64(rapid.IntRange(0, 3).Draw(r, "failures")))
				var receipts []*receipt
				for _, m := range rapid.Permutation(deck).Draw(r, "order") {
					receipts = append(receipts, b.deliver(m))
				}
				b.acked(receipts...)
				for _, name := range names {
					b.eventually(func() bool { return b.gate(name) == gate{last[name], open} })
					b.applied(name, last[name])
				}
			})
			require.Empty(t, b.letters(""))
		})
	}
}

func TestAPassingFailureIsTriedUntilItPasses(t *testing.T) {
	for name, passing := range map[string]error{
		"lost race":      eventsourcing.ErrConflict,
		"unavailable":    fault.New(fault.Unavailable, "AWAY", "it is away"),
		"broken network": context.DeadlineExceeded,
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(b *bench) {
				var left atomic.Int64
				left.Store(40) // more than the attempts that any other failure has
				b.failing(func(context.Context, database.Tx, *storesv1.ProductPriceChanged) error {
					if left.Add(-1) >= 0 {
						return passing
					}
					return nil
				})
				b.start()
				b.acked(b.deliver(price("ada", 1)), b.deliver(price("ada", 2)), b.deliver(price("bob", 1)))
				b.applied("ada", 2)
				b.applied("bob", 1)
				require.Empty(b.t, b.letters(""))
			})
		})
	}
}

func TestIgnoredAndUnknownEventsMoveTheGate(t *testing.T) {
	onBoth(t, func(b *bench) {
		b.start()
		unknown := event("ada", 2, &storesv1.StoreCreated{})
		unknown.Header[broker.HeaderType] = "mallbots.stores.v2.StoreMoved"
		unknown.Subject = "mallbots.stores.v2.StoreMoved" + unknown.Subject[len("mallbots.stores.v1.StoreCreated"):]
		b.acked(b.deliver(event("ada", 1, &storesv1.ProductAdded{ProductId: "ada"})), b.deliver(unknown))
		require.Equal(b.t, gate{2, open}, b.gate("ada"))
		require.Equal(b.t, map[string]int{"ignored": 2}, b.statuses("ada"))
		require.Empty(b.t, b.letters(""))
	})
}

func TestACrashBetweenCommitAndAcknowledgementIsADuplicate(t *testing.T) {
	onBoth(t, func(b *bench) {
		stop := b.start()
		m := price("ada", 1)
		b.acked(b.deliver(m))
		stop() // what the server heard of the acknowledgement is not known

		b.start()
		b.acked(b.deliver(m), b.deliver(price("ada", 2)))
		b.applied("ada", 2)
	})
}

func TestTwiceStillMeansOnce(t *testing.T) {
	databasetest.Each(t, effects, func(t *testing.T, db database.DB) {
		b := newBench(t, db, Twice())
		b.start()
		var receipts []*receipt
		for i := range int64(10) {
			receipts = append(receipts, b.deliver(price("ada", i+1)))
		}
		b.acked(receipts...)
		b.applied("ada", 10)
	})
}

func TestCheckNamesWhatIsMissing(t *testing.T) {
	db := databasetest.Open(t, database.SQLite, "test", nil)
	in := New(db, slog.Default())
	On(in, func(context.Context, database.Tx, *basketsv1.BasketCheckedOut) error { return nil })
	Ignore[*basketsv1.BasketStarted](in)
	require.EqualError(t, in.Check(), "inbox test: mallbots.baskets.v1.BasketCanceled is neither handled nor ignored; add inbox.On or inbox.Ignore")

	Ignore[*basketsv1.BasketCanceled](in)
	require.NoError(t, in.Check())

	Ignore[*basketsv1.BasketCanceled](in)
	require.ErrorContains(t, in.Check(), "registered twice")
	require.Error(t, in.Run(t.Context(), nil))

	strange := New(db, slog.Default())
	Ignore[*wrapperspb.StringValue](strange)
	require.ErrorContains(t, strange.Check(), "google.protobuf.StringValue is no event")
}
