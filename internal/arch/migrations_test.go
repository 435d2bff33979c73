package arch

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMigrationsAreNumberedOnce finds two that were written side by side, which
// no database could tell apart; and a platform whose databases would differ.
func TestMigrationsAreNumberedOnce(t *testing.T) {
	folders := []string{"internal/database/migrations/sqlite", "internal/database/migrations/postgres"}
	for _, m := range modules {
		folders = append(folders, m+"/migrations")
	}
	numbered := map[string][]string{}
	for _, folder := range folders {
		for _, file := range migrationFiles(t, repository, folder) {
			number := filepath.Base(file)[:4]
			require.Regexp(t, `^[0-9]{4}$`, number, file)
			require.NotContains(t, numbered[folder], number, "%s: the number is taken in %s", file, folder)
			numbered[folder] = append(numbered[folder], number)
		}
		require.True(t, slices.IsSorted(numbered[folder]))
	}
	require.Equal(t, numbered[folders[0]], numbered[folders[1]], "the platform's migrations are the same on both databases")
}
