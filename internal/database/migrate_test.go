package database_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
)

func each(t *testing.T, test func(t *testing.T, config database.Config)) {
	for _, dialect := range databasetest.Dialects {
		t.Run(string(dialect), func(t *testing.T) { test(t, databasetest.Config(t, dialect, "test")) })
	}
}

func TestMigrationsRunOnce(t *testing.T) {
	each(t, func(t *testing.T, config database.Config) {
		db := open(t, config, things)
		require.NoError(t, put(t.Context(), db, "a", 1))
		require.NoError(t, db.Close())
		require.NoError(t, database.Migrate(t.Context(), config, things))
		db = open(t, config, with(`CREATE TABLE more (id TEXT)`))
		require.Equal(t, []string{"a"}, ids(t, db))
		_, err := database.All(t.Context(), db, database.Value[string], `SELECT id FROM more`)
		require.NoError(t, err)
	})
}

func TestAModuleWithoutTablesHasThePlatforms(t *testing.T) {
	each(t, func(t *testing.T, config database.Config) {
		db := open(t, config, nil)
		for _, table := range []string{"events", "outbox", "outbox_keys", "outbox_sent", "inbox", "inbox_keys", "dead_letters", "timers", "idempotency", "personal_keys"} {
			_, err := database.One(t.Context(), db, database.Value[int64], `SELECT count(*) FROM `+table)
			require.NoError(t, err)
		}
	})
}

func TestANewerDatabaseIsLeftAlone(t *testing.T) {
	each(t, func(t *testing.T, config database.Config) {
		db := open(t, config, with(`CREATE TABLE more (id TEXT)`))
		versions := func() []int64 {
			all, err := database.All(t.Context(), db, database.Value[int64], `SELECT version_id FROM goose_module ORDER BY id`)
			require.NoError(t, err)
			return all
		}
		before := versions()
		_, err := database.Open(t.Context(), config, things)
		require.ErrorIs(t, err, database.ErrNewer)
		require.ErrorContains(t, err, "goose_module has version 2, this program knows 1: run the newer program")
		require.ErrorContains(t, err, "test")
		require.False(t, database.Transient(err))

		// The platform's are looked at before the module's are run.
		require.NoError(t, db.InTx(t.Context(), func(tx database.Tx) error {
			_, err := tx.Exec(t.Context(), `UPDATE goose_platform SET version_id = 99 WHERE version_id = 1`)
			return err
		}))
		_, err = database.Open(t.Context(), config, fstest.MapFS{
			"0001_things.sql": things["migrations/0001_things.sql"], "0002_more.sql": {}, "0003_x.sql": {Data: []byte("-- +goose Up\nCREATE TABLE x (id TEXT);")},
		})
		require.ErrorIs(t, err, database.ErrNewer)
		require.ErrorContains(t, err, "goose_platform has version 99")
		require.Equal(t, before, versions())
	})
}

func TestABrokenMigrationIsRolledBackAndNamed(t *testing.T) {
	each(t, func(t *testing.T, config database.Config) {
		_, err := database.Open(t.Context(), config, with(`CREATE OVER more;`))
		require.ErrorContains(t, err, "0002_more.sql")
		_, err = database.Open(t.Context(), config, fstest.MapFS{"first.sql": {}})
		require.ErrorContains(t, err, "first.sql")
		require.NoError(t, database.Migrate(t.Context(), config, with(`CREATE TABLE more (id TEXT);`)))
	})
}

func TestTwoProcessesMayStartAtOnce(t *testing.T) {
	const limit = 10 * time.Second
	best := long
	for round := 0; round < 3 && best >= limit; round++ { // while the machine is busy it takes longer
		config := databasetest.Config(t, database.Postgres, "test")
		var wait sync.WaitGroup
		start := time.Now()
		for range 4 {
			wait.Go(func() {
				if err := database.Migrate(t.Context(), config, things); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		best = min(best, time.Since(start))
	}
	require.Less(t, best, limit)
}

func TestBadConfigurationIsNamed(t *testing.T) {
	for want, config := range map[string]database.Config{
		"the module has no name": {Dir: t.TempDir()},
		`"../x" cannot be`:       {Module: "../x", Dir: t.TempDir()},
		"neither a directory":    {Module: "baskets"},
		"baskets: cannot parse":  {Module: "baskets", URL: "postgres://u:s3cret@h:port/x"},
		"not a directory":        {Module: "baskets", Dir: filepath.Join(file(t), "x")},
		"file is not a database": {Module: "notes", Dir: filepath.Dir(file(t))},
	} {
		_, err := database.Open(t.Context(), config, nil)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "s3cret")
	}
}

// file is one that is neither a directory nor a database.
func file(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "notes.db")
	require.NoError(t, os.WriteFile(name, []byte("buy milk, and not too little of it, for the cat is hungry"), 0o600))
	return name
}

func TestADirectoryMayHaveAnyName(t *testing.T) {
	config := database.Config{Module: "baskets", Dir: filepath.Join(t.TempDir(), "50% of a?b #c")}
	db := open(t, config, things)
	require.NoError(t, put(t.Context(), db, "a", 1))
	require.FileExists(t, filepath.Join(config.Dir, "baskets.db"))
}
