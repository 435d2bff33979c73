package arch

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMigrationsAreNumberedOnce finds two that were written side by side, which
// no database could tell apart; and a platform whose databases would differ.
func TestMigrationsAreNumberedOnce(t *testing.T) {
	folders := migrationFolders()
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

func migrationFolders() []string {
	folders := []string{"internal/database/migrations/sqlite", "internal/database/migrations/postgres"}
	for _, m := range modules {
		folders = append(folders, m+"/migrations")
	}
	return folders
}

// TestWhatExpandsTakesNothingAway holds the migrations that say so, "-- expand:
// why", to what a program of the release before can live with.
func TestWhatExpandsTakesNothingAway(t *testing.T) {
	for _, folder := range migrationFolders() {
		for _, file := range migrationFiles(t, repository, folder) {
			none(t, notExpanding(t, repository, file))
		}
	}
}

func TestAMigrationThatDoesNotExpandIsReported(t *testing.T) {
	root := tree(t, map[string]string{
		"kiosk/migrations/0002_more.sql": `-- expand: so it says
-- +goose Up
CREATE TABLE papers (id TEXT NOT NULL);
CREATE INDEX papers_id ON papers (id);
ALTER TABLE sales ADD COLUMN colour TEXT NOT NULL DEFAULT '';
ALTER TABLE sales ADD COLUMN note TEXT;
INSERT INTO papers (id) SELECT id FROM sales;

ALTER TABLE sales ADD COLUMN size TEXT NOT NULL;
ALTER TABLE sales DROP COLUMN price;
ALTER TABLE sales RENAME TO sold;
CREATE UNIQUE INDEX sales_day ON sales (day);
DROP TABLE vaults;
UPDATE sales SET price = 0;
`,
		"kiosk/migrations/0003_contract.sql": "-- +goose Up\nDROP TABLE vaults;\n",
	})
	const why = " is not what a program of the release before can live with: leave out the line that says expand, or do it in a later release"
	require.Equal(t, []string{
		"kiosk/migrations/0002_more.sql:9: ALTER TABLE sales ADD COLUMN size TEXT NOT NULL" + why,
		"kiosk/migrations/0002_more.sql:10: ALTER TABLE sales DROP COLUMN price" + why,
		"kiosk/migrations/0002_more.sql:11: ALTER TABLE sales RENAME TO sold" + why,
		"kiosk/migrations/0002_more.sql:12: CREATE UNIQUE INDEX sales_day ON sales (day)" + why,
		"kiosk/migrations/0002_more.sql:13: DROP TABLE vaults" + why,
		"kiosk/migrations/0002_more.sql:14: UPDATE sales SET price = 0" + why,
	}, notExpanding(t, root, filepath.Join(root, "kiosk/migrations/0002_more.sql")))
	require.Empty(t, notExpanding(t, root, filepath.Join(root, "kiosk/migrations/0003_contract.sql")))
}

var (
	saysExpand  = regexp.MustCompile(`(?m)^-- expand: \S`)
	sqlComment  = regexp.MustCompile(`--[^\n]*`)
	mayExpand   = regexp.MustCompile(`(?is)^(?:CREATE TABLE|CREATE INDEX|INSERT INTO)\s|^ALTER TABLE \w+ ADD COLUMN\s`)
	needsValue  = regexp.MustCompile(`(?is)ADD COLUMN.*NOT NULL`)
	bringsValue = regexp.MustCompile(`(?i)\sDEFAULT\s`)
)

// notExpanding are the statements of a migration that says it expands, and does not.
func notExpanding(t testing.TB, root, file string) []string {
	t.Helper()
	text := readAt(t, file)
	if !saysExpand.MatchString(text) {
		return nil
	}
	text = sqlComment.ReplaceAllStringFunc(text, func(comment string) string { return strings.Repeat(" ", len(comment)) })
	var problems []string
	offset := 0
	for _, raw := range strings.Split(text, ";") {
		statement := strings.TrimSpace(raw)
		if statement != "" && (!mayExpand.MatchString(statement) || needsValue.MatchString(statement) && !bringsValue.MatchString(statement)) {
			line := 1 + strings.Count(text[:offset+strings.Index(raw, statement)], "\n")
			problems = append(problems, problem(t, root, file, line,
				"%s is not what a program of the release before can live with: leave out the line that says expand, or do it in a later release", statement))
		}
		offset += len(raw) + 1
	}
	return problems
}
