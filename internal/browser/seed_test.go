package browser

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite" // the seed writes into the files of a mall that is stopped
)

// copied are the tables whose rows about an order are copied, by module: events
// and read models. What is on its way between modules is not.
var copied = map[string][]string{
	"baskets":  {"events", "checkouts"},
	"ordering": {"events", "orders", "order_items"},
	"depot":    {"events", "shopping_lists", "reservations"},
}

// seed makes a mall's database large: each of some orders that were made in
// earnest is copied, with every row that the modules keep of it, under new ids
// and at earlier times, until there are so many. The mall must be stopped.
func seed(t *testing.T, dir string, orders []string, many int) {
	t.Helper()
	begun := time.Now()
	ids := make([][]string, len(orders)) // of the copies
	for i := range many {
		ids[i%len(orders)] = append(ids[i%len(orders)], uuid.Must(uuid.NewV7()).String())
	}
	for module, tables := range copied {
		db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, module+".db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_pragma=busy_timeout(5000)")
		require.NoError(t, err)
		tx, err := db.Begin()
		require.NoError(t, err)
		for _, table := range tables {
			for i, order := range orders {
				copyRows(t, tx, table, order, ids[i])
			}
		}
		require.NoError(t, tx.Commit())
		require.NoError(t, db.Close())
	}
	t.Logf("%d orders were copied in %s", many, time.Since(begun).Round(time.Millisecond))
}

// copyRows copies the rows of a table about an order, once for each new id.
func copyRows(t *testing.T, tx *sql.Tx, table, order string, ids []string) {
	t.Helper()
	rows, err := tx.Query("SELECT * FROM " + table + " LIMIT 0")
	require.NoError(t, err)
	columns, err := rows.Columns()
	require.NoError(t, err)
	require.NoError(t, rows.Close())
	columns = slices.DeleteFunc(columns, func(c string) bool { return c == "position" })
	key := map[string]string{"events": "aggregate_id", "checkouts": "basket_id", "order_items": "order_id", "reservations": "order_id"}[table]
	if key == "" {
		key = "id"
	}
	found, err := tx.Query("SELECT "+strings.Join(columns, ", ")+" FROM "+table+" WHERE "+key+" = ?", order)
	require.NoError(t, err)
	var originals [][]any
	for found.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		require.NoError(t, found.Scan(into...))
		originals = append(originals, values)
	}
	require.NoError(t, found.Err())
	require.NoError(t, found.Close())
	require.NotEmpty(t, originals, "%s has nothing about the order", table)

	insert, err := tx.Prepare("INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES (?" + strings.Repeat(", ?", len(columns)-1) + ")")
	require.NoError(t, err)
	copied := make([]any, len(columns))
	for n, id := range ids {
		earlier := int64(n+1) * time.Minute.Microseconds()
		for _, values := range originals {
			for i, value := range values {
				switch {
				case table == "events" && columns[i] == "id":
					value = uuid.Must(uuid.NewV7()).String()
				case strings.HasSuffix(columns[i], "_at"):
					value = value.(int64) - earlier
				default:
					if text, is := value.(string); is {
						value = strings.ReplaceAll(text, order, id)
					}
				}
				copied[i] = value
			}
			_, err := insert.Exec(copied...)
			require.NoError(t, err, fmt.Sprint(table, columns))
		}
	}
	require.NoError(t, insert.Close())
}
