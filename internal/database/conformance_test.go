package database_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
)

var errElse = errors.New("not as many rows as wanted")

func TestWhatIsBoundIsRead(t *testing.T) {
	databasetest.Each(t, things, func(t *testing.T, db database.DB) {
		type thing struct {
			id   string
			n    int64
			name *string
			data []byte
		}
		scan := func(row database.Row) (thing, error) {
			var v thing
			err := row.Scan(&v.id, &v.n, &v.name, &v.data)
			return v, err
		}
		name := "o'clock \u2603 \x01"
		for _, want := range []thing{
			{"smallest", math.MinInt64, nil, nil},
			{"biggest", math.MaxInt64, &name, []byte{0, 1, 255}},
			{"", 0, new(string), []byte("x")},
		} {
			require.NoError(t, db.InTx(t.Context(), func(tx database.Tx) error {
				_, err := tx.Exec(t.Context(), `INSERT INTO things (id, n, name, data) VALUES ($1, $2, $3, $4)`, want.id, want.n, want.name, want.data)
				return err
			}))
			got, err := database.One(t.Context(), db, scan, `SELECT id, n, name, data FROM things WHERE id = $1`, want.id)
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
		_, err := database.One(t.Context(), db, scan, `SELECT id, n, name, data FROM things WHERE id = $1`, "nobody")
		require.ErrorIs(t, err, database.ErrNoRows)
	})
}

func TestEmptyBytesAreNotNull(t *testing.T) {
	databasetest.Each(t, things, func(t *testing.T, db database.DB) {
		require.NoError(t, db.InTx(t.Context(), func(tx database.Tx) error {
			_, err := tx.Exec(t.Context(), `INSERT INTO personal_keys (person, key) VALUES ($1, $2)`, "ada", []byte{})
			return err
		}))
		key, err := database.One(t.Context(), db, database.Value[[]byte], `SELECT key FROM personal_keys`)
		require.NoError(t, err)
		require.Empty(t, key)
	})
}

func TestParametersMayBeRepeatedAndInAnyOrder(t *testing.T) {
	databasetest.Each(t, things, func(t *testing.T, db database.DB) {
		require.NoError(t, db.InTx(t.Context(), func(tx database.Tx) error {
			_, err := tx.Exec(t.Context(), `INSERT INTO things (n, id, name) VALUES ($2, $1, $1)`, "a", int64(7))
			return err
		}))
		id, err := database.One(t.Context(), db, database.Value[string], `SELECT id FROM things WHERE name = $2 AND n = $1 AND id = $2`, int64(7), "a")
		require.NoError(t, err)
		require.Equal(t, "a", id)
	})
}

func TestTimesAreMicroseconds(t *testing.T) {
	databasetest.Each(t, things, func(t *testing.T, db database.DB) {
		now := time.Date(2026, 2, 28, 23, 59, 59, 123456789, time.FixedZone("CET", 3600))
		require.NoError(t, put(t.Context(), db, "a", database.Micros(now)))
		micros, err := database.One(t.Context(), db, database.Value[int64], `SELECT n FROM things`)
		require.NoError(t, err)
		require.Equal(t, now.UTC().Truncate(time.Microsecond), database.Time(micros))
		require.Zero(t, database.Micros(time.Time{}))
		require.True(t, database.Time(0).IsZero())

		_, err = db.Query(t.Context(), `SELECT n FROM things WHERE n < $1`, now)
		require.ErrorContains(t, err, "bind its Micros")
		_, err = db.Query(t.Context(), `SELECT n FROM things WHERE n = $1`, true)
		require.ErrorContains(t, err, "bind 0 or 1")
	})
}

func TestUpsertReturns(t *testing.T) {
	databasetest.Each(t, things, func(t *testing.T, db database.DB) {
		for want := int64(1); want <= 3; want++ {
			require.NoError(t, db.InTx(t.Context(), func(tx database.Tx) error {
				n, err := database.One(t.Context(), tx, database.Value[int64],
					`INSERT INTO things (id, n) VALUES ($1, 1) ON CONFLICT (id) DO UPDATE SET n = things.n + 1 RETURNING n`, "a")
				require.Equal(t, want, n)
				return err
			}))
		}
	})
}

func TestQueuedStatementsRunInOrderWithTheNextOne(t *testing.T) {
	databasetest.Each(t, things, func(t *testing.T, db database.DB) {
		var returned, inserted, updated, deleted int64
		require.NoError(t, db.InTx(t.Context(), func(tx database.Tx) error {
			tx.Queue(database.Statement{SQL: `INSERT INTO things (id, n) VALUES ($1, 1), ($2, 2)`, Args: []any{"a", "b"}, Rows: 2, Affected: &inserted})
			tx.Queue(database.Statement{SQL: `UPDATE things SET n = n + 10`, Affected: &updated})
			tx.Queue(database.Statement{SQL: `UPDATE things SET n = n * 2 WHERE id = $1 RETURNING n`, Args: []any{"a"}, Into: []any{&returned}})
			n, err := database.One(t.Context(), tx, database.Value[int64], `SELECT n FROM things WHERE id = $1`, "a")
			require.NoError(t, err)
			require.Equal(t, int64(22), n)
			require.Equal(t, []int64{22, 2, 2}, []int64{returned, inserted, updated})

			tx.Queue(database.Statement{SQL: `DELETE FROM things WHERE id = $1`, Args: []any{"b"}, Affected: &deleted})
			affected, err := tx.Exec(t.Context(), `UPDATE things SET n = 0`)
			require.NoError(t, err)
			require.Equal(t, int64(1), affected)
			require.Equal(t, int64(1), deleted)

			tx.Queue(database.Statement{SQL: `INSERT INTO things (id, n) VALUES ($1, 3)`, Args: []any{"c"}})
			require.NoError(t, tx.Flush(t.Context()))
			require.NoError(t, tx.Flush(t.Context()))
			tx.Queue(database.Statement{SQL: `INSERT INTO things (id, n) VALUES ($1, 4)`, Args: []any{"d"}})
			return nil // the commit sends it
		}))
		require.Equal(t, []string{"a", "c", "d"}, ids(t, db))
	})
}

func TestAQueuedStatementThatFailsEndsTheTransaction(t *testing.T) {
	insert := database.Statement{SQL: `INSERT INTO things (id, n) VALUES ($1, 1) ON CONFLICT DO NOTHING`, Args: []any{"taken"}, Rows: 1, Else: errElse}
	var n int64
	for name, story := range map[string]struct {
		statement database.Statement
		says      string
	}{
		"rows, else":        {insert, errElse.Error()},
		"rows":              {database.Statement{SQL: `UPDATE things SET n = 2`, Rows: 3}, "rows affected instead of 3 by UPDATE things"},
		"nothing into":      {database.Statement{SQL: `DELETE FROM things WHERE id = $1 RETURNING n`, Args: []any{"b"}, Into: []any{&n}}, "no rows returned by DELETE"},
		"nothing into else": {database.Statement{SQL: `DELETE FROM things WHERE id = $1 RETURNING n`, Args: []any{"b"}, Into: []any{&n}, Else: errElse}, errElse.Error()},
		"taken":             {database.Statement{SQL: `INSERT INTO things (id, n) VALUES ($1, 1)`, Args: []any{"taken"}, Taken: errElse}, errElse.Error()},
		"not taken, failed": {database.Statement{SQL: `INSERT INTO things (id, n) VALUES ($1, NULL)`, Args: []any{"x"}, Taken: errElse}, "n"},
		"an SQL error":      {database.Statement{SQL: `INSERT INTO things (id, n) VALUES ($1, 1)`, Args: []any{"taken"}}, "things"},
		"a constraint":      {database.Statement{SQL: `INSERT INTO things (id, n) VALUES ($1, NULL)`, Args: []any{"x"}}, "n"},
		"bad SQL":           {database.Statement{SQL: `INSERT OVER things`}, "syntax"},
	} {
		t.Run(name, func(t *testing.T) {
			databasetest.Each(t, things, func(t *testing.T, db database.DB) {
				require.NoError(t, put(t.Context(), db, "taken", 1))
				after := false
				for _, send := range []func(database.Tx) error{
					func(database.Tx) error { return nil },
					func(tx database.Tx) error { return tx.Flush(t.Context()) },
					func(tx database.Tx) error { _, err := tx.Exec(t.Context(), `DELETE FROM things`); return err },
					func(tx database.Tx) error {
						_, err := database.All(t.Context(), tx, database.Value[int64], `SELECT n FROM things`)
						return err
					},
					func(tx database.Tx) error { _ = tx.Flush(t.Context()); return nil }, // to ignore it changes nothing
				} {
					err := db.InTx(t.Context(), func(tx database.Tx) error {
						tx.AfterCommit(func() { after = true })
						tx.Queue(database.Statement{SQL: `INSERT INTO things (id, n) VALUES ($1, 1)`, Args: []any{"before"}})
						tx.Queue(story.statement)
						tx.Queue(database.Statement{SQL: `INSERT INTO things (id, n) VALUES ($1, 1)`, Args: []any{"behind"}})
						return send(tx)
					})
					require.ErrorContains(t, err, story.says)
					if story.statement.Else != nil {
						require.ErrorIs(t, err, errElse)
					}
					require.False(t, database.Transient(err))
				}
				require.False(t, after)
				require.Equal(t, []string{"taken"}, ids(t, db))
			})
		})
	}
}

func TestRowsMustBeClosedBeforeTheNextStatement(t *testing.T) {
	databasetest.Each(t, things, func(t *testing.T, db database.DB) {
		require.NoError(t, put(t.Context(), db, "a", 1))
		err := db.InTx(t.Context(), func(tx database.Tx) error {
			rows, err := tx.Query(t.Context(), `SELECT id FROM things`)
			require.NoError(t, err)
			require.True(t, rows.Next())
			_, err = tx.Exec(t.Context(), `DELETE FROM things`)
			return err
		})
		require.ErrorContains(t, err, "close the rows")
		require.NoError(t, put(t.Context(), db, "b", 1))
		require.Equal(t, []string{"a", "b"}, ids(t, db))
	})
}

func TestOnlyTransactionsWrite(t *testing.T) {
	db := databasetest.Open(t, database.SQLite, "test", things)
	_, err := database.All(t.Context(), db, database.Value[string], `INSERT INTO things (id, n) VALUES ('a', 1) RETURNING id`)
	require.ErrorContains(t, err, "readonly")
	require.Empty(t, ids(t, db))
}

func TestWhatTheCommitSendsIsScannedToo(t *testing.T) {
	databasetest.Each(t, things, func(t *testing.T, db database.DB) {
		var returned int64
		require.NoError(t, db.InTx(t.Context(), func(tx database.Tx) error {
			tx.Queue(database.Statement{SQL: `INSERT INTO things (id, n) VALUES ($1, 7) RETURNING n`, Args: []any{"a"}, Into: []any{&returned}})
			tx.Queue(database.Statement{SQL: `UPDATE things SET n = 8 WHERE id = $1`, Args: []any{"a"}, Rows: 1, Else: errElse})
			return nil
		}))
		require.EqualValues(t, 7, returned)
		require.Equal(t, []string{"a"}, ids(t, db))
	})
}
