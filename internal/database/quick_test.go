package database_test

import (
	"errors"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
)

func TestQuick(t *testing.T) {
	files := fstest.MapFS{"migrations/0001_t.sql": {Data: []byte("-- +goose Up\nCREATE TABLE t (id TEXT PRIMARY KEY, n BIGINT NOT NULL);\n")}}
	databasetest.Each(t, files, func(t *testing.T, db database.DB) {
		require.NoError(t, db.InTx(t.Context(), func(tx database.Tx) error {
			_, err := tx.Exec(t.Context(), `INSERT INTO t VALUES ($1, $2)`, "a", 1)
			return err
		}))
		oops := errors.New("x")
		require.ErrorIs(t, db.InTx(t.Context(), func(tx database.Tx) error {
			var n int64
			tx.Queue(database.Statement{SQL: `INSERT INTO t VALUES ($1, $2) RETURNING n`, Args: []any{"b", 1}, Into: []any{&n}})
			tx.Queue(database.Statement{SQL: `UPDATE t SET n = 2 WHERE id = $1`, Args: []any{"c"}, Rows: 1, Else: oops})
			return nil
		}), oops)
		n, err := database.All(t.Context(), db, database.Value[string], `SELECT id FROM t`)
		require.NoError(t, err)
		require.Equal(t, []string{"a"}, n)
		require.NoError(t, db.Ping(t.Context()))
	})
}
