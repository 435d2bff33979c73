package database_test

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"mallbots/internal/database"
)

// TestAnOlderProgramRunsOnAnExpandedDatabase is a rolling release: the newer
// program has migrated, and an older one starts again beside it.
func TestAnOlderProgramRunsOnAnExpandedDatabase(t *testing.T) {
	const expanding = "-- expand: older programs leave the column at its default\n-- +goose Up\n"
	released := func(later ...string) fstest.MapFS {
		files := fstest.MapFS{"0001_things.sql": things["migrations/0001_things.sql"]}
		for i, text := range later {
			files["000"+string(rune('2'+i))+"_later.sql"] = &fstest.MapFile{Data: []byte(text)}
		}
		return files
	}
	const (
		column = expanding + "ALTER TABLE things ADD COLUMN colour TEXT NOT NULL DEFAULT '';"
		table  = expanding + "CREATE TABLE shelves (id TEXT);"
		drop   = "-- +goose Up\nDROP TABLE shelves;"
	)
	each(t, func(t *testing.T, config database.Config) {
		ctx := t.Context()
		start := func(files fstest.MapFS) error {
			db, err := database.Open(ctx, config, files)
			if err == nil {
				err = db.Close()
			}
			return err
		}
		require.NoError(t, start(released()))
		require.NoError(t, start(released(column)))
		db := open(t, config, released())
		require.NoError(t, put(ctx, db, "a", 1), "the older program works on the expanded table")
		require.NoError(t, db.Close())

		require.NoError(t, start(released(column, table)))
		require.NoError(t, start(released()), "two releases later as well")
		require.NoError(t, start(released(column)))
		require.NoError(t, start(released(column, table)), "and the newer goes on")

		require.NoError(t, start(released(column, table, drop)))
		require.ErrorIs(t, start(released(column)), database.ErrNewer, "it would miss what was taken out")
		require.ErrorIs(t, start(released(column, table)), database.ErrNewer)
		require.NoError(t, start(released(column, table, drop)))

		require.ErrorIs(t, start(released(table)), database.ErrNewer)
	})
}

// TestACrashBeforeTheFloorIsWrittenIsMendedAtTheNextStart forgets what a newer
// program has said, as a crash between its migration and that would.
func TestACrashBeforeTheFloorIsWrittenIsMendedAtTheNextStart(t *testing.T) {
	each(t, func(t *testing.T, config database.Config) {
		newer := with("ALTER TABLE things ADD COLUMN colour TEXT NOT NULL DEFAULT '';\n-- expand: it has a default")
		db := open(t, config, newer)
		require.NoError(t, db.InTx(t.Context(), func(tx database.Tx) error {
			_, err := tx.Exec(t.Context(), `DELETE FROM schema_floor`)
			return err
		}))
		require.NoError(t, db.Close())
		_, err := database.Open(t.Context(), config, things)
		require.ErrorIs(t, err, database.ErrNewer, "who does not know is careful")
		db = open(t, config, newer)
		rows, err := database.All(t.Context(), db, database.Value[string], `SELECT name FROM schema_floor ORDER BY name`)
		require.NoError(t, err)
		require.Equal(t, []string{"goose_module", "goose_platform"}, rows)
	})
}
