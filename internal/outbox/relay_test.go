package outbox

import (
	"errors"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/broker"
	"mallbots/internal/broker/brokertest"
	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
)

func TestOrderPerKeyUnderConcurrency(t *testing.T) {
	each(t, func(t *testing.T, db database.DB) {
		r := newRelay(db, brokertest.Embedded(t))
		start(t, r)
		want := concurrently(t, db, 16, 40, nil)
		empty(t, r)
		verify(t, r, want)
		require.NoError(t, r.Health())
	})
}

// The relay died after the broker had acknowledged and before the rows left.
func TestCrashBetweenAcknowledgementAndMove(t *testing.T) {
	for _, stored := range []int{1, 7, 20} {
		each(t, func(t *testing.T, db database.DB) {
			b := brokertest.Embedded(t)
			first := newRelay(db, b)
			stop := start(t, first)
			put(t, db, "s1", 1, 3)
			empty(t, first)
			stop()

			put(t, db, "s1", 4, 23)
			rows, err := waiting(t.Context(), db, nil, 100)
			require.NoError(t, err)
			messages, err := first.messages(rows[:stored])
			require.NoError(t, err)
			_, err = first.stream.Append(t.Context(), 3, messages)
			require.NoError(t, err)

			second := newRelay(db, b)
			start(t, second)
			empty(t, second)
			verify(t, second, map[string]int{"s1": 23})
		})
	}
}

// A transaction takes its place in the outbox early and commits late; a relay
// that remembers how far it has read would never see it.
func TestLateCommit(t *testing.T) {
	db := databasetest.Open(t, database.Postgres, "stores", nil)
	r := newRelay(db, brokertest.Embedded(t))
	start(t, r)
	inserted, commit, committed := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		committed <- db.InTx(t.Context(), func(tx database.Tx) error {
			if err := Publish(t.Context(), tx, "early", rebranded("early", 1)); err != nil {
				return err
			}
			err := tx.Flush(t.Context())
			close(inserted)
			<-commit
			return err
		})
	}()
	<-inserted
	put(t, db, "late", 1, 5)
	empty(t, r)
	close(commit)
	require.NoError(t, <-committed)
	empty(t, r)
	verify(t, r, map[string]int{"early": 1, "late": 5})
}

// A relay that was asleep while another took over cannot write any more.
func TestStaleRelayIsFenced(t *testing.T) {
	each(t, func(t *testing.T, db database.DB) {
		ctx := t.Context()
		b := brokertest.Embedded(t)
		asleep := newRelay(db, b)
		require.NoError(t, asleep.resume(ctx))
		m := asleep.newMover(ctx)
		put(t, db, "s1", 1, 10)

		awake := newRelay(db, b)
		stop := start(t, awake)
		empty(t, awake)
		stop()
		put(t, db, "s1", 11, 12)
		_, err := asleep.publish(ctx, m)
		require.ErrorIs(t, err, broker.ErrStale)
		m.close()
		last, err := asleep.stream.Last(ctx)
		require.NoError(t, err)
		require.EqualValues(t, 10, last)

		start(t, asleep)
		empty(t, asleep)
		verify(t, asleep, map[string]int{"s1": 12})
	})
}

func TestTwoRelaysOnOneDatabase(t *testing.T) {
	each(t, func(t *testing.T, db database.DB) {
		b := brokertest.Embedded(t)
		one, two := newRelay(db, b), newRelay(db, b)
		stop := start(t, one)
		start(t, two)
		put(t, db, "s1", 1, 50)
		require.NoError(t, two.Health(), "to stand by is no illness")
		stop()
		put(t, db, "s1", 51, 100)
		empty(t, two)
		verify(t, two, map[string]int{"s1": 100})
	})
}

func TestBrokerRestartsUnderLoad(t *testing.T) {
	each(t, func(t *testing.T, db database.DB) {
		server := brokertest.NewExternal(t)
		r := newRelay(db, server.Connect())
		r.patience = 200 * time.Millisecond
		start(t, r)
		load, enough := make(chan map[string]int, 1), make(chan struct{})
		go func() { load <- concurrently(t, db, 8, 100_000, enough) }()
		require.Eventually(t, func() bool { return r.Health() == nil }, long, time.Millisecond)
		for range 2 {
			server.Stop()
			require.Eventually(t, func() bool { return r.Health() != nil }, long, time.Millisecond)
			require.ErrorContains(t, r.Health(), "nothing of stores was published")
			require.True(t, r.HealthySince().IsZero())
			server.Start()
			require.Eventually(t, func() bool { return r.Health() == nil }, long, time.Millisecond)
		}
		close(enough)
		want := <-load
		empty(t, r)
		verify(t, r, want)
	})
}

func TestBrokerComesLate(t *testing.T) {
	db := databasetest.Open(t, database.SQLite, "stores", nil)
	server := brokertest.NewExternal(t)
	server.Stop()
	r := newRelay(db, server.Connect())
	start(t, r)
	put(t, db, "s1", 1, 3)
	server.Start()
	empty(t, r)
	verify(t, r, map[string]int{"s1": 3})
}

// Each message is published just after the one before has left, when the relay
// has looked for the last time: without a word it would wait for its next look.
func TestACommitWakesTheRelay(t *testing.T) {
	each(t, func(t *testing.T, db database.DB) {
		r := newRelay(db, brokertest.Embedded(t))
		start(t, r)
		put(t, db, "s1", 1, 1)
		empty(t, r)
		const messages, limit = 9, 9 * poll / 2
		best := time.Duration(math.MaxInt64)
		for n, round := 2, 0; round < 5 && best >= limit; round++ { // while the machine is busy it cannot be told
			began := time.Now()
			for range messages {
				put(t, db, "s1", n, n)
				empty(t, r)
				n++
			}
			best = min(best, time.Since(began))
		}
		require.Less(t, best, limit)
	})
}

// What somebody else wrote into the stream is told, and is no obstacle.
func TestForeignMessage(t *testing.T) {
	each(t, func(t *testing.T, db database.DB) {
		r := newRelay(db, brokertest.Embedded(t))
		require.NoError(t, r.stream.Ensure(t.Context()))
		_, err := r.stream.Append(t.Context(), 0, []broker.Message{{Subject: "mallbots.stores.v1.Forged.p00", ID: "forged"}})
		require.NoError(t, err)
		stop := start(t, r)
		put(t, db, "s1", 1, 2)
		empty(t, r)
		stop()
		last, err := r.stream.Last(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 3, last)
	})
}

// An id that is stored further back than the relay looks is not stored again.
func TestForgottenMessages(t *testing.T) {
	each(t, func(t *testing.T, db database.DB) {
		r := newRelay(db, brokertest.Embedded(t))
		put(t, db, "s1", 1, 5)
		require.NoError(t, r.resume(t.Context()))
		rows, err := waiting(t.Context(), db, nil, 100)
		require.NoError(t, err)
		messages, err := r.messages(rows[:3])
		require.NoError(t, err)
		_, err = r.stream.Append(t.Context(), 0, messages)
		require.NoError(t, err)
		r.scanned = 3 // as if it had been compared already
		start(t, r)
		empty(t, r)
		verify(t, r, map[string]int{"s1": 5})
	})
}

func TestLargeBacklog(t *testing.T) {
	each(t, func(t *testing.T, db database.DB) {
		const n = 5000
		require.NoError(t, db.InTx(t.Context(), func(tx database.Tx) error {
			for i := 1; i <= n; i++ {
				if err := Publish(t.Context(), tx, "s1", rebranded("s1", i)); err != nil {
					return err
				}
			}
			return nil
		}))
		r := newRelay(db, brokertest.Embedded(t))
		began := time.Now()
		start(t, r)
		empty(t, r)
		t.Logf("%.0f messages a second", n/time.Since(began).Seconds())
		verify(t, r, map[string]int{"s1": n})
	})
}

func TestForeignModulesEventStopsTheRelayVisibly(t *testing.T) {
	db := databasetest.Open(t, database.SQLite, "baskets", nil)
	b := brokertest.Embedded(t)
	require.ErrorContains(t, newRelay(db, b).Run(t.Context()), "the relay of baskets was given the stream of stores")

	r := NewRelay(db, b.Stream("baskets"), slog.New(slog.DiscardHandler))
	r.patience = 0
	require.ErrorContains(t, r.Health(), "not running")
	start(t, r)
	put(t, db, "s1", 1, 1)
	require.Eventually(t, func() bool {
		err := r.Health()
		return err != nil && !strings.Contains(err.Error(), "not running")
	}, long, time.Millisecond)
	require.ErrorContains(t, r.Health(), "row 1 is a mallbots.stores.v1.StoreRebranded, which is not an event of baskets")
}

func TestPrune(t *testing.T) {
	each(t, func(t *testing.T, db database.DB) {
		r := newRelay(db, brokertest.Embedded(t))
		start(t, r)
		put(t, db, "s1", 1, 3)
		empty(t, r)
		deleted, err := r.pruned(t.Context())
		require.NoError(t, err)
		require.Zero(t, deleted, "they are young")
		r.retention = -time.Hour
		deleted, err = r.pruned(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 3, deleted)
	})
}

func TestDepth(t *testing.T) {
	each(t, func(t *testing.T, db database.DB) {
		r := newRelay(db, brokertest.Embedded(t))
		rows, oldest, err := r.Depth(t.Context())
		require.NoError(t, err)
		require.Zero(t, rows)
		require.Zero(t, oldest)
		put(t, db, "s1", 1, 2)
		rows, oldest, err = r.Depth(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 2, rows)
		require.Positive(t, oldest)
	})
}

var errNo = errors.New("no")
