package databasetest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/database"
)

// Backup remembers the rows of some tables. The returned function brings the
// tables back to them, as the restore of an earlier backup does.
func Backup(t testing.TB, db database.DB, tables ...string) (restore func()) {
	t.Helper()
	type copied struct {
		columns []string
		rows    [][]any
	}
	saved := map[string]copied{}
	require.NoError(t, db.InTx(t.Context(), func(tx database.Tx) error {
		for _, table := range tables {
			columns, err := database.Columns(t.Context(), tx, db.Dialect(), table)
			if err != nil {
				return err
			}
			rows, err := database.All(t.Context(), tx, func(row database.Row) ([]any, error) {
				values, into := make([]any, len(columns)), make([]any, len(columns))
				for i := range values {
					into[i] = &values[i]
				}
				return values, row.Scan(into...)
			}, "SELECT "+strings.Join(columns, ", ")+" FROM "+table)
			if err != nil {
				return err
			}
			saved[table] = copied{columns, rows}
		}
		return nil
	}))
	return func() {
		t.Helper()
		require.NoError(t, db.InTx(t.Context(), func(tx database.Tx) error {
			for _, table := range tables {
				if _, err := tx.Exec(t.Context(), "DELETE FROM "+table); err != nil {
					return err
				}
				var holders []string
				for i := range saved[table].columns {
					holders = append(holders, fmt.Sprintf("$%d", i+1))
				}
				overriding := ""
				if db.Dialect() == database.Postgres {
					overriding = " OVERRIDING SYSTEM VALUE"
				}
				for _, row := range saved[table].rows {
					tx.Queue(database.Statement{
						SQL: "INSERT INTO " + table + " (" + strings.Join(saved[table].columns, ", ") + ")" + overriding +
							" VALUES (" + strings.Join(holders, ", ") + ")",
						Args: row,
					})
				}
			}
			return nil
		}))
	}
}
