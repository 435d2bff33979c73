package database

import (
	"context"
	"fmt"
)

// Columns returns the names of a table's columns, in the order of its
// definition. An unknown table is an error.
func Columns(ctx context.Context, q Querier, dialect Dialect, table string) ([]string, error) {
	sql := `SELECT name FROM pragma_table_info($1) ORDER BY cid`
	if dialect == Postgres {
		sql = `SELECT column_name FROM information_schema.columns
			WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position`
	}
	columns, err := All(ctx, q, Value[string], sql, table)
	if err != nil {
		return nil, fmt.Errorf("columns of %s: %w", table, err)
	}
	if len(columns) == 0 {
		return nil, fmt.Errorf("there is no table %s", table)
	}
	return columns, nil
}
