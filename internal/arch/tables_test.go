package arch

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAModuleNamesItsOwnTablesOnly holds every statement of a module against
// the tables of its migrations. It may read the platform's tables, which lie in
// its database too; only the platform writes them.
func TestAModuleNamesItsOwnTablesOnly(t *testing.T) {
	for _, m := range modules {
		none(t, foreignTables(t, repository, m))
	}
}

func TestATableOfSomebodyElseIsReported(t *testing.T) {
	root := tree(t, map[string]string{
		"internal/database/migrations/sqlite/0001_platform.sql":   "CREATE TABLE outbox (id TEXT);\nCREATE TABLE timers (name TEXT);",
		"internal/database/migrations/postgres/0001_platform.sql": "CREATE TABLE outbox (id TEXT);\nCREATE TABLE timers (name TEXT);",
		"annex/migrations/0001_annex.sql":                         "CREATE TABLE vaults (id TEXT);",
		"kiosk/migrations/0001_kiosk.sql":                         "-- a comment FROM nowhere\nCREATE TABLE papers (id TEXT);\nCREATE INDEX papers_id ON papers (id);",
		"kiosk/migrations/0002_grab.sql":                          "ALTER TABLE outbox ADD COLUMN kiosk TEXT;\nCREATE TABLE timers (id TEXT);",
		"kiosk/queries.go": `package kiosk

const table = "papers"

func queries(id, where string) []string {
	return []string{
		"SELECT id FROM " + table + " WHERE id = $1",
		"read it FROM papers p JOIN timers t ON t.name = p.id", // the platform's may be read
		` + "`" + `
			WITH recent (id) AS (SELECT id FROM papers)
			SELECT r.id FROM recent r
			LEFT JOIN vaults v ON v.id = r.id` + "`" + `,
		"select id from papers, annex.vaults",
		"SELECT id FROM (SELECT id FROM papers) p, vaults WHERE id IN (SELECT id FROM orders)",
		"DELETE FROM outbox",
		"INSERT INTO timers (name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET name = excluded.name",
		"UPDATE papers SET id = $1",
		"SELECT id FROM " + where,
		"the sums that we took from vaults are no statement",
	}
}

func module() { service.Tables("papers", "vaults") }
`,
	})
	require.Equal(t, []string{
		"kiosk/migrations/0002_grab.sql:1: names the table outbox, which is not in kiosk/migrations: the platform's tables are changed by the platform alone",
		"kiosk/migrations/0002_grab.sql:2: makes a table timers, which the platform has: both are in one database",
		"kiosk/queries.go:12: names the table vaults, which is not in kiosk/migrations: a module keeps to its own tables, and knows of others by their events",
		"kiosk/queries.go:13: names the table annex.vaults, which is not in kiosk/migrations: a module keeps to its own tables, and knows of others by their events",
		"kiosk/queries.go:14: names the table vaults, which is not in kiosk/migrations: a module keeps to its own tables, and knows of others by their events",
		"kiosk/queries.go:14: names the table orders, which is not in kiosk/migrations: a module keeps to its own tables, and knows of others by their events",
		"kiosk/queries.go:15: writes the table outbox, which is the platform's: ask the platform's package",
		"kiosk/queries.go:16: writes the table timers, which is the platform's: ask the platform's package",
		"kiosk/queries.go:18: names a table that cannot be read here: spell it out, or make it a constant",
		"kiosk/queries.go:23: clears the table vaults before a rebuild, which is not in kiosk/migrations: a module keeps to its own tables",
	}, foreignTables(t, root, "kiosk"))
	require.Empty(t, foreignTables(t, tree(t, map[string]string{
		"internal/database/migrations/sqlite/0001_platform.sql": "CREATE TABLE outbox (id TEXT);",
		"kiosk/migrations/0001_kiosk.sql":                       "CREATE TABLE papers (id TEXT);",
		"kiosk/queries.go":                                      "package kiosk\n\nconst q = `SELECT COUNT(*) FROM papers WHERE id IS DISTINCT FROM $1 FOR UPDATE`\n",
	}), "kiosk"))
}

// foreignTables are the places where a module names tables that it may not.
func foreignTables(t testing.TB, root, module string) []string {
	t.Helper()
	const alien = "names the table %s, which is not in %s/migrations: a module keeps to its own tables, and knows of others by their events"
	own, platform := map[string]bool{}, map[string]bool{}
	for _, file := range migrationFiles(t, root, "internal/database/migrations/*") {
		maps.Copy(platform, made(t, file))
	}
	var problems []string
	for _, file := range migrationFiles(t, root, module+"/migrations") {
		maps.Copy(own, made(t, file))
		text := readAt(t, file)
		for _, m := range mentions(text) {
			line := 1 + strings.Count(text[:m.offset], "\n")
			switch {
			case platform[m.table] && made(t, file)[m.table]:
				problems = append(problems, problem(t, root, file, line, "makes a table %s, which the platform has: both are in one database", m.table))
			case platform[m.table]:
				problems = append(problems, problem(t, root, file, line, "names the table %s, which is not in %s/migrations: the platform's tables are changed by the platform alone", m.table, module))
			case !own[m.table]:
				problems = append(problems, problem(t, root, file, line, alien, m.table, module))
			}
		}
	}
	s := sourceOf(t, root, module)
	for _, x := range s.texts() {
		if !isSQL(x.value) {
			continue
		}
		for _, m := range mentions(x.value) {
			file, line := x.line(s.set, m.offset)
			switch {
			case strings.ContainsAny(m.table, unknown+"%"):
				problems = append(problems, problem(t, root, file, line, "names a table that cannot be read here: spell it out, or make it a constant"))
			case platform[m.table] && m.writes:
				problems = append(problems, problem(t, root, file, line, "writes the table %s, which is the platform's: ask the platform's package", m.table))
			case !own[m.table] && !platform[m.table]:
				problems = append(problems, problem(t, root, file, line, alien, m.table, module))
			}
		}
	}
	for _, table := range s.cleared() {
		if !own[table.name] {
			problems = append(problems, s.problem(table.at, "clears the table %s before a rebuild, which is not in %s/migrations: a module keeps to its own tables", table.name, module))
		}
	}
	return problems
}

// made are the tables that a migration creates.
func made(t testing.TB, file string) map[string]bool {
	t.Helper()
	tables := map[string]bool{}
	words := sqlWords(readAt(t, file))
	for i := 1; i+1 < len(words); i++ {
		if words[i].is("TABLE") && words[i-1].is("CREATE", "TEMPORARY", "UNLOGGED") {
			j := i + 1
			for words[j].is("IF", "NOT", "EXISTS") {
				j++
			}
			tables[strings.ToLower(strings.Trim(words[j].text, `"`))] = true
		}
	}
	return tables
}

func migrationFiles(t testing.TB, root, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(folder), "*.sql"))
	require.NoError(t, err)
	require.NotEmpty(t, files, "there are no migrations in %s", folder)
	return slices.Sorted(slices.Values(files))
}

func readAt(t testing.TB, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(text)
}

func write(t testing.TB, file, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
}
