package database_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
)

// group runs members in one group commit, in their order, and returns their
// outcomes: they queue up while a transaction before them takes its time.
func group(t *testing.T, db database.DB, members ...func(tx database.Tx) error) []error {
	t.Helper()
	first, goOn := make(chan struct{}), make(chan struct{})
	outcomes := make([]error, len(members))
	var wait sync.WaitGroup
	wait.Go(func() {
		_ = db.InTx(t.Context(), func(database.Tx) error {
			close(first)
			<-goOn
			return errMine
		})
	})
	<-first
	for i, member := range members {
		wait.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					outcomes[i] = fmt.Errorf("panic: %v", p)
				}
			}()
			outcomes[i] = db.InTx(t.Context(), member)
		})
		require.Eventually(t, func() bool { return database.Waiting(db) == i+1 }, long, time.Millisecond)
	}
	close(goOn)
	wait.Wait()
	return outcomes
}

func inserts(t *testing.T, id string) func(tx database.Tx) error {
	return func(tx database.Tx) error { return insert(t.Context(), tx, id) }
}

func TestAGroupIsOneCommit(t *testing.T) {
	db := databasetest.Open(t, database.SQLite, "test", things)
	for _, err := range group(t, db, inserts(t, "a"), func(tx database.Tx) error {
		require.Equal(t, []string{"a"}, ids(t, tx), "the one before, in the same transaction of SQLite's")
		require.Empty(t, ids(t, db))
		return insert(t.Context(), tx, "b")
	}, inserts(t, "c")) {
		require.NoError(t, err)
	}
	require.Equal(t, []string{"a", "b", "c"}, ids(t, db))
}

func TestAMemberThatFailsHarmsNobody(t *testing.T) {
	withdrawn, withdraw := context.WithCancel(t.Context())
	for name, failing := range map[string]func(tx database.Tx) error{
		"its error": func(tx database.Tx) error {
			_ = insert(t.Context(), tx, "x")
			return errMine
		},
		"a statement's error": func(tx database.Tx) error {
			_ = insert(t.Context(), tx, "x")
			return insert(t.Context(), tx, "x")
		},
		"else": func(tx database.Tx) error {
			_ = insert(t.Context(), tx, "x")
			tx.Queue(database.Statement{SQL: `UPDATE things SET n = 1 WHERE id = 'nobody'`, Rows: 1, Else: errElse})
			return nil
		},
		"a panic": func(tx database.Tx) error {
			_ = insert(t.Context(), tx, "x")
			panic("oops")
		},
		"its context": func(tx database.Tx) error {
			_ = insert(withdrawn, tx, "x")
			withdraw()
			return insert(withdrawn, tx, "y")
		},
		"rows left open": func(tx database.Tx) error {
			_ = insert(t.Context(), tx, "x")
			rows, err := tx.Query(t.Context(), `SELECT id FROM things`)
			rows.Next()
			return err
		},
	} {
		for at := range 3 {
			t.Run(fmt.Sprintf("%s as number %d", name, at+1), func(t *testing.T) {
				withdrawn, withdraw = context.WithCancel(t.Context())
				db := databasetest.Open(t, database.SQLite, "test", things)
				members := []func(database.Tx) error{inserts(t, "a"), inserts(t, "b"), inserts(t, "c")}
				members[at] = failing
				var want []string
				for i, err := range group(t, db, members...) {
					if i == at {
						require.Error(t, err)
						continue
					}
					require.NoError(t, err)
					want = append(want, string(rune('a'+i)))
				}
				require.Equal(t, want, ids(t, db))
			})
		}
	}
}

func TestOneWhoGivesUpWaitingWritesNothing(t *testing.T) {
	db := databasetest.Open(t, database.SQLite, "test", things)
	first, goOn, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- db.InTx(t.Context(), func(tx database.Tx) error {
			close(first)
			<-goOn
			return insert(t.Context(), tx, "a")
		})
	}()
	<-first
	ctx, cancel := context.WithCancel(t.Context())
	gaveUp := make(chan error, 1)
	go func() { gaveUp <- put(ctx, db, "b", 1) }()
	require.Eventually(t, func() bool { return database.Waiting(db) == 1 }, long, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-gaveUp, context.Canceled, "at once, not when its turn comes")
	close(goOn)
	require.NoError(t, <-done)
	require.NoError(t, put(t.Context(), db, "c", 1))
	require.Equal(t, []string{"a", "c"}, ids(t, db))
}

// with adds a migration to things.
func with(sql string) fs.FS {
	return fstest.MapFS{
		"0001_things.sql": things["migrations/0001_things.sql"],
		"0002_more.sql":   {Data: []byte("-- +goose Up\n-- +goose StatementBegin\n" + sql + "\n-- +goose StatementEnd\n")},
	}
}

// What SQLite does itself when the disk fails: it rolls back everything.
func TestWhenSQLiteRollsBackEverybodyHearsOfIt(t *testing.T) {
	db := databasetest.Open(t, database.SQLite, "test",
		with(`CREATE TRIGGER disaster BEFORE INSERT ON things WHEN NEW.id = 'x' BEGIN SELECT RAISE(ROLLBACK, 'disaster'); END;`))
	disaster := func(tx database.Tx) error {
		_ = insert(t.Context(), tx, "x")
		_ = insert(t.Context(), tx, "y") // must not be written on its own
		return nil
	}
	outcomes := group(t, db, inserts(t, "a"), inserts(t, "b"), disaster, inserts(t, "c"))
	for _, err := range outcomes[:2] {
		require.ErrorContains(t, err, "disaster")
		require.True(t, database.Transient(err), "they may try again")
	}
	require.ErrorContains(t, outcomes[2], "disaster")
	require.False(t, database.Transient(outcomes[2]))
	require.NoError(t, outcomes[3], "it is in the next group")
	require.Equal(t, []string{"c"}, ids(t, db))

	require.ErrorContains(t, db.InTx(t.Context(), disaster), "disaster", "alone")
	require.NoError(t, put(t.Context(), db, "d", 1))
	require.Equal(t, []string{"c", "d"}, ids(t, db))
}

// A deferred constraint fails the COMMIT, on both databases.
func TestACommitThatFailsIsNoSuccess(t *testing.T) {
	orphan := func(tx database.Tx) error {
		tx.AfterCommit(func() { t.Error("it did not commit") })
		tx.Notify("things")
		_, err := tx.Exec(t.Context(), `INSERT INTO children (id, parent) VALUES ('c', 'nobody')`)
		return err
	}
	files := with(`CREATE TABLE children (id TEXT PRIMARY KEY, parent TEXT REFERENCES things (id) DEFERRABLE INITIALLY DEFERRED);`)
	databasetest.Each(t, files, func(t *testing.T, db database.DB) {
		wake, stop := db.Listen("things")
		defer stop()
		err := db.InTx(t.Context(), orphan)
		require.Error(t, err)
		require.False(t, database.Transient(err))
		require.Empty(t, wake)
		if db.Dialect() == database.SQLite {
			for _, err := range group(t, db, inserts(t, "a"), orphan, inserts(t, "b")) {
				require.Error(t, err)
				require.True(t, database.Transient(err))
			}
		}
		require.NoError(t, put(t.Context(), db, "d", 1))
		require.Equal(t, []string{"d"}, ids(t, db))
	})
}

func TestAFullDiskIsNoSuccess(t *testing.T) {
	db := databasetest.Open(t, database.SQLite, "test", things)
	require.NoError(t, db.InTx(t.Context(), func(tx database.Tx) error {
		pages, err := database.One(t.Context(), tx, database.Value[int64], `PRAGMA page_count`)
		require.NoError(t, err)
		_, err = database.One(t.Context(), tx, database.Value[int64], fmt.Sprintf(`PRAGMA max_page_count = %d`, pages+3))
		return err
	}))
	big := make([]byte, 30_000)
	fill := func(id string) func(tx database.Tx) error {
		return func(tx database.Tx) error {
			_, err := tx.Exec(t.Context(), `INSERT INTO things (id, n, data) VALUES ($1, 1, $2)`, id, big)
			return err
		}
	}
	outcomes := group(t, db, inserts(t, "a"), fill("x"), inserts(t, "b"), fill("y"))
	var want []string
	for i, id := range []string{"a", "x", "b", "y"} {
		if outcomes[i] == nil {
			want = append(want, id)
		} else {
			require.True(t, database.Transient(outcomes[i]), outcomes[i])
		}
	}
	require.Equal(t, want, ids(t, db), "what was answered is there, and nothing else")
	require.Error(t, outcomes[1])
}

func TestClosingAnswersThoseWhoWait(t *testing.T) {
	db := databasetest.Open(t, database.SQLite, "test", things)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for i := 0; ; i++ {
				err := db.InTx(t.Context(), func(database.Tx) error { return nil })
				if errors.Is(err, database.ErrClosed) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	require.NoError(t, put(t.Context(), db, "a", 1))
	require.NoError(t, db.Close())
	wait.Wait()
}
