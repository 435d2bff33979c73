package database_test

import (
	"context"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"mallbots/internal/database"
)

// things are the migrations of these tests. A BLOB column is what no module may
// have; here it shows what both databases make of bytes.
var things = fstest.MapFS{"migrations/0001_things.sql": {Data: []byte(
	"-- +goose Up\nCREATE TABLE things (id TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL, name TEXT, data BYTEA);\n")}}

// put writes one thing in a transaction of its own.
func put(ctx context.Context, db database.DB, id string, n int64) error {
	return db.InTx(ctx, func(tx database.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO things (id, n) VALUES ($1, $2)`, id, n)
		return err
	})
}

// ids are the things that are committed.
func ids(t testing.TB, q database.Querier) []string {
	t.Helper()
	all, err := database.All(t.Context(), q, database.Value[string], `SELECT id FROM things ORDER BY id`)
	require.NoError(t, err)
	return all
}
