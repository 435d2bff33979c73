// Package databasetest runs a test on both kinds of database.
package databasetest

import (
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/database"
	"mallbots/internal/database/pgtest"
)

// Dialects are the databases that tests run on.
var Dialects = []database.Dialect{database.SQLite, database.Postgres}

// Each runs test on a fresh SQLite file and on a fresh PostgreSQL database, as
// the sub-tests sqlite and postgres. The module is called "test". Where there is
// no PostgreSQL, that half is skipped and says NOT RUN.
func Each(t *testing.T, migrations fs.FS, test func(t *testing.T, db database.DB)) {
	t.Helper()
	for _, dialect := range Dialects {
		t.Run(string(dialect), func(t *testing.T) {
			test(t, Open(t, dialect, "test", migrations))
		})
	}
}

// Open opens a fresh database of module. It is closed when the test ends.
func Open(t testing.TB, dialect database.Dialect, module string, migrations fs.FS) database.DB {
	t.Helper()
	db, err := database.Open(t.Context(), Config(t, dialect, module), migrations)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// Config is where a fresh database is, for tests that open it themselves.
func Config(t testing.TB, dialect database.Dialect, module string) database.Config {
	t.Helper()
	if dialect == database.SQLite {
		return database.Config{Module: module, Dir: t.TempDir()}
	}
	return database.Config{Module: module, URL: pgtest.DSN(t)}
}
