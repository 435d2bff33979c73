package database

import (
	"context"
	"fmt"
	"strings"
)

// Table is a table of a module's database, as the database describes it.
type Table struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"` // in the order of their definition
	Key     []string `json:"key"`     // the columns of its primary key
}

// Tables describes the tables of a module's database, sorted by name: those of
// the platform and the module's own, but not those that know which migrations
// have run. A table without a primary key is an error.
func Tables(ctx context.Context, q Querier, dialect Dialect) ([]Table, error) {
	names, keys := sqliteTables, sqliteKey
	if dialect == Postgres {
		names, keys = postgresTables, postgresKey
	}
	found, err := All(ctx, q, Value[string], names)
	if err != nil {
		return nil, fmt.Errorf("database: list tables: %w", err)
	}
	var tables []Table
	for _, name := range found {
		if name == platformTable || name == moduleTable || name == floorTable {
			continue
		}
		t := Table{Name: name}
		if t.Columns, err = Columns(ctx, q, dialect, name); err != nil {
			return nil, err
		}
		if t.Key, err = All(ctx, q, Value[string], keys, name); err != nil {
			return nil, fmt.Errorf("database: primary key of %s: %w", name, err)
		}
		if len(t.Key) == 0 {
			return nil, fmt.Errorf("database: the table %s has no primary key; give it one", name)
		}
		tables = append(tables, t)
	}
	return tables, nil
}

const (
	sqliteTables = `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`
	sqliteKey    = `SELECT name FROM pragma_table_info($1) WHERE pk > 0 ORDER BY pk`

	postgresTables = `SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename::text COLLATE "C"`
	postgresKey    = `SELECT a.attname::text FROM pg_index i
		JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace s ON s.oid = c.relnamespace
		CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k(number, place)
		JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number
		WHERE i.indisprimary AND s.nspname = current_schema() AND c.relname = $1 ORDER BY k.place`
)

// Insert is the text that inserts so many rows into a table, with a value for
// every column, those included that the database numbers by itself.
func (t Table) Insert(dialect Dialect, rows int) string {
	overriding := ""
	if dialect == Postgres {
		overriding = "OVERRIDING SYSTEM VALUE "
	}
	var all strings.Builder
	for n := range rows * len(t.Columns) {
		switch {
		case n == 0:
			all.WriteString("(")
		case n%len(t.Columns) == 0:
			all.WriteString("), (")
		default:
			all.WriteString(", ")
		}
		fmt.Fprintf(&all, "$%d", n+1)
	}
	return "INSERT INTO " + t.Name + " (" + strings.Join(t.Columns, ", ") + ") " + overriding + "VALUES " + all.String() + ")"
}

// Delete is the text that deletes the row of a key.
func (t Table) Delete() string {
	var all []string
	for n, column := range t.Key {
		all = append(all, fmt.Sprintf("%s = $%d", column, n+1))
	}
	return "DELETE FROM " + t.Name + " WHERE " + strings.Join(all, " AND ")
}

// Select is the text that reads every row, column by column.
func (t Table) Select() string { return "SELECT " + strings.Join(t.Columns, ", ") + " FROM " + t.Name }

// Renumber has the database number new rows behind those that Insert has put
// into its tables. SQLite does so by itself.
func Renumber(ctx context.Context, tx Tx, dialect Dialect) error {
	if dialect != Postgres {
		return nil
	}
	type numbered struct{ table, column string }
	columns, err := All(ctx, tx, func(row Row) (numbered, error) {
		var n numbered
		err := row.Scan(&n.table, &n.column)
		return n, err
	}, `SELECT table_name::text, column_name::text FROM information_schema.columns
		WHERE table_schema = current_schema() AND is_identity = 'YES' ORDER BY table_name`)
	if err != nil {
		return fmt.Errorf("database: list numbered columns: %w", err)
	}
	for _, n := range columns {
		// A number is taken for each that is missing: to set the next one takes a
		// right that a process which only works on the tables need not have.
		_, err := All(ctx, tx, Value[int64], `SELECT COALESCE(MAX(nextval(pg_get_serial_sequence($1, $2))), 0)
			FROM generate_series(1, (SELECT COALESCE(MAX(`+n.column+`), 0) FROM `+n.table+`)
				- (SELECT COALESCE(last_value, 0) FROM pg_sequences WHERE schemaname = current_schema()
					AND quote_ident(schemaname) || '.' || quote_ident(sequencename) = pg_get_serial_sequence($1, $2)))`, n.table, n.column)
		if err != nil {
			return fmt.Errorf("database: number the next row of %s: %w", n.table, err)
		}
	}
	return nil
}
