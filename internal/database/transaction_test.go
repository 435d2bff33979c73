package database_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
)

var errMine = errors.New("changed my mind")

func insert(ctx context.Context, tx database.Tx, id string) error {
	_, err := tx.Exec(ctx, `INSERT INTO things (id, n) VALUES ($1, 1)`, id)
	return err
}

func TestAnErrorRollsBack(t *testing.T) {
	databasetest.Each(t, things, func(t *testing.T, db database.DB) {
		err := db.InTx(t.Context(), func(tx database.Tx) error {
			require.NoError(t, insert(t.Context(), tx, "a"))
			return errMine
		})
		require.Equal(t, errMine, err)
		require.Empty(t, ids(t, db))
	})
}

func TestAFailedStatementRollsBackEvenWhenItsErrorIsIgnored(t *testing.T) {
	databasetest.Each(t, things, func(t *testing.T, db database.DB) {
		err := db.InTx(t.Context(), func(tx database.Tx) error {
			require.NoError(t, insert(t.Context(), tx, "a"))
			require.Error(t, insert(t.Context(), tx, "a"))
			require.Error(t, insert(t.Context(), tx, "b"))
			return nil
		})
		require.Error(t, err)
		require.Empty(t, ids(t, db))
	})
}

// A panic passes through and commits nothing (traps.md 35).
func TestAPanicRollsBackAndGoesOn(t *testing.T) {
	databasetest.Each(t, things, func(t *testing.T, db database.DB) {
		require.PanicsWithValue(t, "oops", func() {
			_ = db.InTx(t.Context(), func(tx database.Tx) error {
				require.NoError(t, insert(t.Context(), tx, "a"))
				tx.AfterCommit(func() { t.Error("it did not commit") })
				panic("oops")
			})
		})
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = db.InTx(t.Context(), func(tx database.Tx) error {
				_ = insert(t.Context(), tx, "b")
				runtime.Goexit() // as t.FailNow does
				return nil
			})
		}()
		<-ended
		require.NoError(t, put(t.Context(), db, "c", 1))
		require.Equal(t, []string{"c"}, ids(t, db))
	})
}

func TestATransactionIsOverAfterItsFunction(t *testing.T) {
	databasetest.Each(t, things, func(t *testing.T, db database.DB) {
		var kept database.Tx
		require.NoError(t, db.InTx(t.Context(), func(tx database.Tx) error {
			kept = tx
			return insert(t.Context(), tx, "a")
		}))
		require.ErrorContains(t, insert(t.Context(), kept, "b"), "is over")
		_, err := kept.Query(t.Context(), `SELECT 1`)
		require.ErrorContains(t, err, "is over")
	})
}

func TestAfterCommitAndNotify(t *testing.T) {
	databasetest.Each(t, things, func(t *testing.T, db database.DB) {
		wake, stop := db.Listen("outbox")
		other, stopOther := db.Listen("inbox")
		defer stopOther()
		for i := range 3 {
			require.NoError(t, db.InTx(t.Context(), func(tx database.Tx) error {
				tx.Notify("outbox")
				tx.Notify("outbox")
				tx.AfterCommit(func() { require.Len(t, ids(t, db), i+1) })
				require.Len(t, wake, min(i, 1), "not before the commit")
				return insert(t.Context(), tx, fmt.Sprint(i))
			}))
		}
		require.Len(t, wake, 1, "three wake-ups are one")
		<-wake
		require.ErrorIs(t, db.InTx(t.Context(), func(tx database.Tx) error {
			tx.Notify("outbox")
			tx.AfterCommit(func() { t.Error("it did not commit") })
			return errMine
		}), errMine)
		require.Empty(t, wake)
		require.Empty(t, other)
		stop()
		require.NoError(t, db.InTx(t.Context(), func(tx database.Tx) error { tx.Notify("outbox"); return nil }))
		require.Empty(t, wake)
	})
}

func TestOfManyWritersOneWins(t *testing.T) {
	databasetest.Each(t, things, func(t *testing.T, db database.DB) {
		var won, lost atomic.Int64
		var wait sync.WaitGroup
		for i := range 16 {
			wait.Go(func() {
				err := db.InTx(t.Context(), func(tx database.Tx) error {
					tx.Queue(database.Statement{SQL: `INSERT INTO things (id, n) VALUES ($1, $2)`, Args: []any{fmt.Sprint("mine ", i), int64(i)}})
					tx.Queue(database.Statement{
						SQL: `INSERT INTO things (id, n) VALUES ($1, $2) ON CONFLICT DO NOTHING`, Args: []any{"the one", int64(i)}, Rows: 1, Else: errElse,
					})
					return nil
				})
				switch {
				case err == nil:
					won.Add(1)
				case errors.Is(err, errElse):
					lost.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wait.Wait()
		require.Equal(t, int64(1), won.Load())
		require.Equal(t, int64(15), lost.Load())
		require.Len(t, ids(t, db), 2)
	})
}

func TestNobodyReadsWhatIsNotCommitted(t *testing.T) {
	databasetest.Each(t, things, func(t *testing.T, db database.DB) {
		require.NoError(t, db.InTx(t.Context(), func(tx database.Tx) error {
			require.NoError(t, insert(t.Context(), tx, "a"))
			require.Equal(t, []string{"a"}, ids(t, tx))
			require.Empty(t, ids(t, db))
			return nil
		}))
		require.Equal(t, []string{"a"}, ids(t, db))
	})
}

func TestACancelledContextWritesNothing(t *testing.T) {
	databasetest.Each(t, things, func(t *testing.T, db database.DB) {
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, db.InTx(cancelled, func(database.Tx) error {
			t.Error("it was called")
			return nil
		}), context.Canceled)

		for _, then := range []func(ctx context.Context, tx database.Tx) error{
			func(context.Context, database.Tx) error { return nil },
			func(ctx context.Context, tx database.Tx) error { return insert(ctx, tx, "b") },
		} {
			ctx, cancel := context.WithCancel(t.Context())
			err := db.InTx(ctx, func(tx database.Tx) error {
				require.NoError(t, insert(ctx, tx, "a"))
				tx.Queue(database.Statement{SQL: `INSERT INTO things (id, n) VALUES ($1, 1)`, Args: []any{"c"}})
				cancel()
				return then(ctx, tx)
			})
			require.ErrorIs(t, err, context.Canceled)
			require.False(t, database.Transient(err))
		}
		require.Empty(t, ids(t, db))
		require.NoError(t, put(t.Context(), db, "d", 1))
	})
}

func TestClosing(t *testing.T) {
	databasetest.Each(t, things, func(t *testing.T, db database.DB) {
		require.NoError(t, db.Ping(t.Context()))
		require.NoError(t, db.Close())
		require.NoError(t, db.Close())
		require.ErrorIs(t, put(t.Context(), db, "a", 1), database.ErrClosed)
		_, err := db.Query(t.Context(), `SELECT 1`)
		require.ErrorIs(t, err, database.ErrClosed)
		require.ErrorIs(t, db.Ping(t.Context()), database.ErrClosed)
	})
}

func TestQuiesceKeepsEventsAsTheyAre(t *testing.T) {
	databasetest.Each(t, things, func(t *testing.T, db database.DB) {
		appended := make(chan error, 1)
		require.NoError(t, db.InTx(t.Context(), func(tx database.Tx) error {
			require.NoError(t, database.Quiesce(t.Context(), tx))
			go func() {
				appended <- db.InTx(t.Context(), func(tx database.Tx) error {
					_, err := tx.Exec(t.Context(), `INSERT INTO events (aggregate, aggregate_id, version, id, name, data, occurred_at, actor, correlation_id, causation_id)
						VALUES ('a', 'b', 1, 'c', 'D', '{}', 0, '', '', '')`)
					return err
				})
			}()
			for range 3 {
				n, err := database.One(t.Context(), tx, database.Value[int64], `SELECT count(*) FROM events`)
				require.NoError(t, err)
				require.Zero(t, n)
				require.Empty(t, appended)
				runtime.Gosched()
			}
			return nil
		}))
		require.NoError(t, <-appended)
	})
}

// Whatever happens to its neighbours, what was answered is so.
func TestWhatIsAnsweredIsSo(t *testing.T) {
	databasetest.Each(t, things, func(t *testing.T, db database.DB) {
		var mu sync.Mutex
		answered := []string{}
		var wait sync.WaitGroup
		for worker := range 16 {
			wait.Go(func() {
				random := rand.New(rand.NewPCG(1, uint64(worker)))
				for i := range 40 {
					id, fate := fmt.Sprintf("%02d-%02d", worker, i), random.IntN(8)
					if one(t.Context(), db, id, fate) == nil {
						mu.Lock()
						answered = append(answered, id)
						mu.Unlock()
					}
				}
			})
		}
		wait.Wait()
		slices.Sort(answered)
		require.NotEmpty(t, answered)
		require.Equal(t, answered, ids(t, db))
	})
}

// one inserts id, unless its fate is another.
func one(ctx context.Context, db database.DB, id string, fate int) (err error) {
	defer func() {
		if recover() != nil {
			err = errMine
		}
	}()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if fate == 0 {
		go cancel() // at any time: before its turn, in it, or after
	}
	return db.InTx(ctx, func(tx database.Tx) error {
		tx.Queue(database.Statement{SQL: `INSERT INTO things (id, n) VALUES ($1, 1)`, Args: []any{id}, Rows: 1})
		switch fate {
		case 1:
			return errMine
		case 2:
			panic("oops")
		case 3:
			return insert(ctx, tx, id) // it is there already
		case 4:
			cancel()
		case 5:
			_, err := database.All(ctx, tx, database.Value[string], `SELECT id FROM things WHERE id = $1`, id)
			return err
		}
		return nil
	})
}
