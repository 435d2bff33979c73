package transfer_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"mallbots/internal/database"
	"mallbots/internal/database/pgtest"
	"mallbots/internal/transfer"
)

var migrations = fstest.MapFS{"0001_things.sql": {Data: []byte(`-- +goose Up
CREATE TABLE things (id TEXT NOT NULL PRIMARY KEY, place TEXT NOT NULL UNIQUE, amount BIGINT NOT NULL);
CREATE TABLE pairs (a BIGINT NOT NULL, b TEXT NOT NULL, c TEXT NOT NULL, PRIMARY KEY (b, a));
`)}}

func openSQLite(t *testing.T) database.DB {
	db, err := database.Open(t.Context(), database.Config{Module: "things", Dir: t.TempDir()}, migrations)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func openPostgres(t *testing.T) database.DB {
	db, err := database.Open(t.Context(), database.Config{Module: "things", URL: pgtest.DSN(t)}, migrations)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// between runs a test from each database to each.
func between(t *testing.T, test func(t *testing.T, from, to database.DB)) {
	for _, from := range []string{"SQLite", "PostgreSQL"} {
		for _, to := range []string{"SQLite", "PostgreSQL"} {
			t.Run(from+" to "+to, func(t *testing.T) {
				open := map[string]func(*testing.T) database.DB{"SQLite": openSQLite, "PostgreSQL": openPostgres}
				test(t, open[from](t), open[to](t))
			})
		}
	}
}

func exec(t *testing.T, db database.DB, text string, args ...any) {
	t.Helper()
	require.NoError(t, db.InTx(t.Context(), func(tx database.Tx) error {
		_, err := tx.Exec(t.Context(), text, args...)
		return err
	}))
}

func thing(t *testing.T, db database.DB, id, place string, amount int64) {
	t.Helper()
	exec(t, db, `INSERT INTO things (id, place, amount) VALUES ($1, $2, $3)`, id, place, amount)
}

// carry makes one database equal to the other, and says what that took.
func carry(t *testing.T, c *transfer.Copy, from database.DB) transfer.Stats {
	t.Helper()
	var stream bytes.Buffer
	require.NoError(t, transfer.Write(t.Context(), from, &stream))
	require.NoError(t, c.Read(t.Context(), &stream))
	require.NoError(t, c.Verify(t.Context()))
	return c.Stats()
}

// contents are all rows, as they travel.
func contents(t *testing.T, db database.DB) string {
	t.Helper()
	text := ""
	for _, table := range []string{"things", "pairs", "outbox"} {
		columns, err := database.Columns(t.Context(), db, db.Dialect(), table)
		require.NoError(t, err)
		rows, err := db.Query(t.Context(), "SELECT * FROM "+table+" ORDER BY 1, 2")
		require.NoError(t, err)
		for rows.Next() {
			values, into := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
			require.NoError(t, rows.Scan(into...))
			text += fmt.Sprintf("%s %v\n", table, values)
		}
		require.NoError(t, rows.Err())
		rows.Close()
	}
	return text
}

func outboxRow(t *testing.T, db database.DB, key string) {
	t.Helper()
	exec(t, db, `INSERT INTO outbox (message_id, key, sequence, subject, headers, payload, created_at) VALUES ($1, $2, 1, 's', '{}', $3, 7)`,
		"m-"+key, key, []byte{0, 255, 'x'})
}

func TestADatabaseBecomesEqualToAnother(t *testing.T) {
	between(t, func(t *testing.T, from, to database.DB) {
		for i := range 130 {
			thing(t, from, fmt.Sprintf("t%d", i), fmt.Sprintf("plåce %d", i), int64(i)-5)
		}
		exec(t, from, `INSERT INTO pairs (a, b, c) VALUES (1, 'x', ''), (2, 'x', 'a'), (1, 'y', 'b')`)
		outboxRow(t, from, "one")
		outboxRow(t, from, "two")
		c, err := transfer.Open(t.Context(), to)
		require.NoError(t, err)
		require.True(t, c.Empty())
		stats := carry(t, c, from)
		require.EqualValues(t, 135, stats.Rows)
		require.EqualValues(t, 135, stats.Written)
		require.Equal(t, contents(t, from), contents(t, to))

		exec(t, from, `DELETE FROM things WHERE id = 't7'`)
		exec(t, from, `UPDATE things SET amount = 99 WHERE id = 't8'`)
		exec(t, from, `UPDATE things SET place = 'aside' WHERE id = 't1'`) // two change places: neither may be first
		exec(t, from, `UPDATE things SET place = 'plåce 1' WHERE id = 't2'`)
		exec(t, from, `UPDATE things SET place = 'plåce 2' WHERE id = 't1'`)
		exec(t, from, `DELETE FROM outbox WHERE key = 'one'`)
		stats = carry(t, c, from)
		require.EqualValues(t, 133, stats.Rows)
		require.EqualValues(t, 135+3, stats.Written, "only what had changed")
		require.EqualValues(t, 5, stats.Deleted)
		require.Equal(t, contents(t, from), contents(t, to))

		stats = carry(t, c, from)
		require.EqualValues(t, 135+3, stats.Written, "nothing had")

		outboxRow(t, to, "three") // the database numbers on behind what came
		id, err := database.One(t.Context(), to, database.Value[int64], `SELECT id FROM outbox WHERE key = 'three'`)
		require.NoError(t, err)
		require.Greater(t, id, int64(2))

		again, err := transfer.Open(t.Context(), from) // and back, to a database that is out of date
		require.NoError(t, err)
		require.False(t, again.Empty())
		thing(t, to, "new", "somewhere", 1)
		stats = carry(t, again, to)
		require.EqualValues(t, 2, stats.Written)
		require.Equal(t, contents(t, to), contents(t, from))
		outboxRow(t, from, "four")
	})
}

func TestManyRowsAreCopiedInSteps(t *testing.T) {
	from, to := openSQLite(t), openSQLite(t)
	require.NoError(t, from.InTx(t.Context(), func(tx database.Tx) error {
		for i := range 25_000 {
			tx.Queue(database.Statement{SQL: `INSERT INTO pairs (a, b, c) VALUES ($1, 'b', 'c')`, Args: []any{int64(i)}})
		}
		return nil
	}))
	c, err := transfer.Open(t.Context(), to)
	require.NoError(t, err)
	require.EqualValues(t, 25_000, carry(t, c, from).Written)
}

func TestAStreamThatBreaksOffChangesNothingMore(t *testing.T) {
	from, to := openSQLite(t), openSQLite(t)
	thing(t, from, "a", "here", 1)
	var stream bytes.Buffer
	require.NoError(t, transfer.Write(t.Context(), from, &stream))
	for cut := range stream.Len() {
		c, err := transfer.Open(t.Context(), to)
		require.NoError(t, err)
		require.Error(t, c.Read(t.Context(), bytes.NewReader(stream.Bytes()[:cut])), "cut at %d", cut)
	}
	require.Equal(t, contents(t, openSQLite(t)), contents(t, to))
}

func TestWhatDiffersIsFound(t *testing.T) {
	from, to := openSQLite(t), openSQLite(t)
	thing(t, from, "a", "here", 1)
	c, err := transfer.Open(t.Context(), to)
	require.NoError(t, err)
	carry(t, c, from)
	exec(t, to, `UPDATE things SET amount = 2`)
	require.ErrorIs(t, c.Verify(t.Context()), transfer.ErrDiffers)
}

func TestOtherTablesAreRefused(t *testing.T) {
	from := openSQLite(t)
	var stream bytes.Buffer
	require.NoError(t, transfer.Write(t.Context(), from, &stream))
	for name, sql := range map[string]string{
		"a table is missing":  `CREATE TABLE things (id TEXT NOT NULL PRIMARY KEY, place TEXT NOT NULL UNIQUE, amount BIGINT NOT NULL);`,
		"a table is new":      string(migrations["0001_things.sql"].Data)[len("-- +goose Up\n"):] + `CREATE TABLE more (id TEXT NOT NULL PRIMARY KEY);`,
		"a column is another": `CREATE TABLE things (id TEXT NOT NULL PRIMARY KEY, room TEXT NOT NULL); CREATE TABLE pairs (a BIGINT NOT NULL, b TEXT NOT NULL, c TEXT NOT NULL, PRIMARY KEY (b, a));`,
	} {
		t.Run(name, func(t *testing.T) {
			to, err := database.Open(t.Context(), database.Config{Module: "things", Dir: t.TempDir()},
				fstest.MapFS{"0001_things.sql": {Data: []byte("-- +goose Up\n" + sql)}})
			require.NoError(t, err)
			defer func() { require.NoError(t, to.Close()) }()
			c, err := transfer.Open(t.Context(), to)
			require.NoError(t, err)
			require.ErrorIs(t, c.Read(context.WithoutCancel(t.Context()), bytes.NewReader(stream.Bytes())), transfer.ErrDiffers)
		})
	}
}
