package main

import (
	"cmp"
	"context"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"mallbots/internal/database"
)

// ownTable is a table of a module's own, with the words above it in its migration.
type ownTable struct {
	name  string
	about string
}

// packageComment returns the paragraphs of doc.go's comment, without lists.
func packageComment(folder string) ([]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(folder, "doc.go"), nil, parser.ParseComments|parser.PackageClauseOnly)
	if err != nil {
		return nil, fmt.Errorf("the words about %s: %w", folder, err)
	}
	var paragraphs []string
	for _, paragraph := range strings.Split(strings.TrimSpace(file.Doc.Text()), "\n\n") {
		if strings.HasPrefix(paragraph, " ") || strings.HasSuffix(paragraph, ":") {
			continue
		}
		paragraphs = append(paragraphs, strings.Join(strings.Fields(paragraph), " "))
	}
	return paragraphs, nil
}

var (
	createTable = regexp.MustCompile(`(?m)^CREATE TABLE (\w+)`)
	commentOf   = regexp.MustCompile(`(?m)((?:^-- .*\n)+)CREATE TABLE (\w+)`)
	headOf      = regexp.MustCompile(`^-- \+goose Up\n((?:-- .*\n)+)`)
)

// tablesOf are the tables that the module's database has of its own, in the
// order of its migrations, each with the words right above it.
func tablesOf(ctx context.Context, db database.DB, migrations string) ([]ownTable, error) {
	there, err := database.All(ctx, db, database.Value[string], `SELECT name FROM sqlite_master WHERE type = 'table'`)
	if err != nil {
		return nil, fmt.Errorf("list the tables of %s: %w", db.Module(), err)
	}
	files, err := filepath.Glob(filepath.Join(migrations, "*.sql"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("there are no migrations in %s; give the checkout of the repository with --root", migrations)
	}
	slices.Sort(files)
	var all []ownTable
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		words, head, above := map[string]string{}, "", ""
		if m := headOf.FindStringSubmatch(string(text)); m != nil {
			head = plainComment(m[1])
		}
		for _, m := range commentOf.FindAllStringSubmatch(string(text), -1) {
			words[m[2]] = plainComment(m[1])
		}
		for _, m := range createTable.FindAllStringSubmatch(string(text), -1) {
			about := words[m[1]]
			if about != "" {
				above = "See " + m[1] + "."
			} else { // it shares the words of the file, or of the one before it
				about = cmp.Or(head, above)
			}
			if slices.Contains(there, m[1]) {
				all = append(all, ownTable{m[1], about})
			}
		}
	}
	return all, nil
}

// plainComment is what a comment in SQL says.
func plainComment(text string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll("\n"+text, "\n-- ", " ")), " ")
}

// statesOf are the tables that the tests of the aggregates hold (see
// aggregatetest.Table).
func statesOf(folder string, aggregates []string) ([]string, error) {
	var all []string
	for _, name := range aggregates {
		text, err := os.ReadFile(filepath.Join(folder, strings.ReplaceAll(name, "_", ""), "testdata", "commands.golden"))
		if err != nil {
			return nil, fmt.Errorf("the states of %s: %w", name, err)
		}
		all = append(all, string(text))
	}
	return all, nil
}
