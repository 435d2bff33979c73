package timers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/cause"
	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
)

// fired has no unique key, so that a timer that fires twice shows.
var tables = fstest.MapFS{"0001_fired.sql": {Data: []byte(`-- +goose Up
CREATE TABLE fired (key TEXT NOT NULL);
`)}}

func write(tx database.Tx, key string) error {
	tx.Queue(database.Statement{SQL: `INSERT INTO fired (key) VALUES ($1)`, Args: []any{key}})
	return nil
}

func fired(t *testing.T, db database.DB) map[string]int {
	t.Helper()
	all, err := database.All(t.Context(), db, database.Value[string], `SELECT key FROM fired`)
	require.NoError(t, err)
	counts := map[string]int{}
	for _, key := range all {
		counts[key]++
	}
	return counts
}

// run runs timers until the returned function is called.
func run(t *testing.T, timers *Timers) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- timers.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			require.NoError(t, <-done)
		})
	}
	t.Cleanup(stop)
	return stop
}

func in(t *testing.T, db database.DB, f func(ctx context.Context, tx database.Tx) error) {
	t.Helper()
	ctx := cause.With(t.Context(), cause.Cause{CorrelationID: "talk", CausationID: "request"})
	require.NoError(t, db.InTx(ctx, func(tx database.Tx) error { return f(ctx, tx) }))
}

// eventually waits until condition holds, however busy the machine is. It is
// asked in the test's own goroutine, so that it may require something.
func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !condition(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			require.Fail(t, "what is waited for does not come")
		}
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestATimerFiresOnceWhenItIsDueAmongTwoProcesses(t *testing.T) {
	databasetest.Each(t, tables, func(t *testing.T, db database.DB) {
		const n = 100
		var calls atomic.Int64
		for range 2 {
			timers := New(db, quiet())
			timers.On("deadline", func(_ context.Context, tx database.Tx, key string) error {
				calls.Add(1)
				return write(tx, key)
			})
			run(t, timers)
		}
		in(t, db, func(ctx context.Context, tx database.Tx) error {
			for i := range n {
				if err := Set(ctx, tx, "deadline", fmt.Sprint(i), time.Now().Add(time.Duration(i)*time.Millisecond)); err != nil {
					return err
				}
			}
			return nil
		})
		eventually(t, func() bool { return len(fired(t, db)) == n })
		for key, times := range fired(t, db) {
			require.Equal(t, 1, times, key)
		}
		require.EqualValues(t, n, calls.Load())
	})
}

func TestTwoProcessesWithConnectionsOfTheirOwnFireOnce(t *testing.T) {
	config := databasetest.Config(t, database.Postgres, "test")
	var last database.DB
	for range 2 {
		db, err := database.Open(t.Context(), config, tables)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, db.Close()) })
		timers := New(db, quiet())
		timers.On("deadline", func(_ context.Context, tx database.Tx, key string) error { return write(tx, key) })
		run(t, timers)
		last = db
	}
	in(t, last, func(ctx context.Context, tx database.Tx) error {
		for i := range 200 {
			if err := Set(ctx, tx, "deadline", fmt.Sprint(i), time.Now().Add(1500*time.Millisecond)); err != nil {
				return err
			}
		}
		return nil
	})
	eventually(t, func() bool { return len(fired(t, last)) == 200 })
	for key, times := range fired(t, last) {
		require.Equal(t, 1, times, key)
	}
}

func TestATimerCarriesItsCauseAndMayArmItselfAgain(t *testing.T) {
	databasetest.Each(t, tables, func(t *testing.T, db database.DB) {
		got := make(chan cause.Cause, 10)
		timers := New(db, quiet())
		timers.On("deadline", func(ctx context.Context, tx database.Tx, key string) error {
			got <- cause.From(ctx)
			if len(got) < 3 {
				return Set(ctx, tx, "deadline", key, time.Now().Add(time.Millisecond))
			}
			return write(tx, key)
		})
		run(t, timers)
		in(t, db, func(ctx context.Context, tx database.Tx) error { return Set(ctx, tx, "deadline", "ada", time.Now()) })
		eventually(t, func() bool { return fired(t, db)["ada"] == 1 })
		require.Len(t, got, 3)
		for range 3 {
			require.Equal(t, cause.Cause{Actor: "test", CorrelationID: "talk", CausationID: "timer/deadline/ada"}, <-got)
		}
		require.NoError(t, timers.Health())
	})
}

func TestATimerSurvivesARestartAndFiresLate(t *testing.T) {
	databasetest.Each(t, tables, func(t *testing.T, db database.DB) {
		clock := time.Now()
		early := New(db, quiet(), Clock(func() time.Time { return clock }))
		early.On("deadline", func(_ context.Context, tx database.Tx, key string) error { return write(tx, key) })
		in(t, db, func(ctx context.Context, tx database.Tx) error {
			return errors.Join(
				Set(ctx, tx, "deadline", "ada", clock.Add(10*time.Minute)),
				Set(ctx, tx, "deadline", "now", clock),
				Set(ctx, tx, "deadline", "bob", clock.Add(time.Minute)),
				Cancel(ctx, tx, "deadline", "bob"),
			)
		})
		stop := run(t, early)
		eventually(t, func() bool { return fired(t, db)["now"] == 1 })
		stop()
		require.ErrorContains(t, early.Health(), "do not run")
		require.Equal(t, map[string]int{"now": 1}, fired(t, db))

		late := New(db, quiet(), Clock(func() time.Time { return clock.Add(time.Hour) }))
		late.On("deadline", func(_ context.Context, tx database.Tx, key string) error { return write(tx, key) })
		run(t, late)
		eventually(t, func() bool { return fired(t, db)["ada"] == 1 })
		require.Zero(t, fired(t, db)["bob"])
	})
}

func TestATimerWhoseHandlerFailsIsNeverDropped(t *testing.T) {
	databasetest.Each(t, tables, func(t *testing.T, db database.DB) {
		var calls atomic.Int64
		timers := New(db, quiet())
		timers.first = time.Millisecond
		timers.On("deadline", func(_ context.Context, tx database.Tx, key string) error {
			switch n := calls.Add(1); {
			case n == 3:
				panic("at the disco")
			case n < 6:
				return errors.Join(write(tx, key), errors.New("no such luck"))
			}
			return write(tx, key)
		})
		run(t, timers)
		in(t, db, func(ctx context.Context, tx database.Tx) error {
			return errors.Join(Set(ctx, tx, "deadline", "ada", time.Now()))
		})
		eventually(t, func() bool { return fired(t, db)["ada"] == 1 })
		require.EqualValues(t, 6, calls.Load())
	})
}

func TestANameThatNobodyHandlesIsLoudAndStays(t *testing.T) {
	databasetest.Each(t, tables, func(t *testing.T, db database.DB) {
		in(t, db, func(ctx context.Context, tx database.Tx) error { return Set(ctx, tx, "unheard", "ada", time.Now()) })
		timers := New(db, quiet())
		timers.first = time.Millisecond
		stop := run(t, timers)
		eventually(t, func() bool {
			err := timers.Health()
			return err != nil && errors.Is(err, errNobody)
		})
		stop()
		left, err := database.All(t.Context(), db, database.Value[string], `SELECT key FROM timers`)
		require.NoError(t, err)
		require.Equal(t, []string{"ada"}, left)

		timers.now = func() time.Time { return time.Now().Add(time.Hour) }
		timers.On("unheard", func(_ context.Context, tx database.Tx, key string) error { return write(tx, key) })
		run(t, timers)
		eventually(t, func() bool { return fired(t, db)["ada"] == 1 && timers.Health() == nil })
	})
}

func TestATimerNeedsANameAKeyAndATime(t *testing.T) {
	db := databasetest.Open(t, database.SQLite, "test", tables)
	in(t, db, func(ctx context.Context, tx database.Tx) error {
		require.Error(t, Set(ctx, tx, "", "ada", time.Now()))
		require.Error(t, Set(ctx, tx, "deadline", "", time.Now()))
		require.Error(t, Set(ctx, tx, "deadline", "ada", time.Time{}))
		require.Error(t, Cancel(ctx, tx, "deadline", ""))
		return nil
	})
}

// The handler arms its timer again while somebody cancels it: who comes second
// cancels what the first has left.
func TestATimerThatIsArmedAgainCanBeCanceledMeanwhile(t *testing.T) {
	databasetest.Each(t, tables, func(t *testing.T, db database.DB) {
		timers := New(db, quiet())
		canceled := make(chan error, 1)
		timers.On("deadline", func(ctx context.Context, tx database.Tx, key string) error {
			go func() {
				canceled <- db.InTx(t.Context(), func(tx database.Tx) error { return Cancel(t.Context(), tx, "deadline", key) })
			}()
			if db.Dialect() == database.Postgres { // on SQLite it waits for this transaction anyway
				eventually(t, func() bool {
					waiting, err := database.One(ctx, db, database.Value[int64],
						`SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)
					return err == nil && waiting == 1
				})
			}
			return Set(ctx, tx, "deadline", key, time.Now().Add(time.Hour))
		})
		in(t, db, func(ctx context.Context, tx database.Tx) error { return Set(ctx, tx, "deadline", "a", time.Now()) })
		run(t, timers)
		require.NoError(t, <-canceled)
		left, err := database.One(t.Context(), db, database.Value[int64], `SELECT COUNT(*) FROM timers`)
		require.NoError(t, err)
		require.Zero(t, left)
	})
}
