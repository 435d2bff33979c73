package database_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
)

func TestEachConnectionIsSafe(t *testing.T) {
	db := databasetest.Open(t, database.SQLite, "test", nil)
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000", "query_only": "1",
	} {
		got, err := database.One(t.Context(), db, database.Value[string], `PRAGMA `+pragma)
		require.NoError(t, err)
		require.Equal(t, want, got, "%s of those that read", pragma)
		if pragma == "query_only" {
			want = "0"
		}
		require.NoError(t, db.InTx(t.Context(), func(tx database.Tx) error {
			got, err := database.One(t.Context(), tx, database.Value[string], `PRAGMA `+pragma)
			require.Equal(t, want, got, "%s of the one that writes", pragma)
			return err
		}))
	}
}

// SQLite is translated together with a C library; another version of that is
// untested, whatever the module system thinks of it.
func TestTheCLibraryIsTheOneThatSQLiteWants(t *testing.T) {
	run := func(args ...string) string {
		out, err := exec.CommandContext(t.Context(), "go", args...).Output()
		require.NoError(t, err)
		return strings.TrimSpace(string(out))
	}
	wanted := run("mod", "edit", "-json", run("list", "-m", "-f", "{{.GoMod}}", "modernc.org/sqlite"))
	require.Contains(t, wanted, `"Version": "`+run("list", "-m", "-f", "{{.Version}}", "modernc.org/libc")+`"`)
}
