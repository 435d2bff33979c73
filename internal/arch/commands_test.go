package arch

import (
	"go/ast"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEveryCommandHasARowInEveryState holds the methods of each aggregate
// against the table that its test writes (aggregatetest.Table): a command that
// is in no column, a status that is in no row, a question that no release
// records.
func TestEveryCommandHasARowInEveryState(t *testing.T) {
	for _, m := range modules {
		packages, err := filepath.Glob(repository + "/" + m + "/internal/*")
		require.NoError(t, err)
		tables := 0
		for _, folder := range packages {
			problems, aggregate := untabled(t, repository, filepath.ToSlash(strings.TrimPrefix(folder, repository+"/")))
			none(t, problems)
			if aggregate {
				tables++
			}
		}
		require.NotZero(t, tables, "%s has no aggregate", m)
	}
}

func TestACommandWithoutARowIsReported(t *testing.T) {
	files := map[string]string{
		"kiosk/internal/paper/paper.go": `package paper

type Status string

const (
	StatusNone Status = ""
	StatusSold Status = "SOLD"
)

type Paper struct {
	eventsourcing.Root[Event]
	status Status
}

func (p *Paper) Print() error { return nil }

func (p *Paper) Burn(why string) error { return nil }

func (p *Paper) Status() Status { return p.status }

func (p *Paper) Price() int64 { return 0 }

func (p *Paper) check() error { return nil }

func Count() error { return nil }
`,
		"kiosk/internal/paper/table_test.go": "package paper\n\n" +
			"func TestTheTableOfCommands(t *testing.T) { table.Run(t) }\n\nvar seen = map[string]any{\"Status\": 1}\n",
		"kiosk/internal/paper/testdata/commands.golden": "| state | Print | Sell |\n|---|---|---|\n| not printed | Printed → SOLD | refused: PAPER_STATE |\n",
	}
	problems, aggregate := untabled(t, tree(t, files), "kiosk/internal/paper")
	require.True(t, aggregate)
	require.Equal(t, []string{
		"kiosk/internal/paper/paper.go:17: the command Burn has no column in testdata/commands.golden: add it to the table of the aggregate's test",
		"kiosk/internal/paper/testdata/commands.golden:1: the column Sell is no command of Paper: take it out",
		"kiosk/internal/paper/paper.go:7: the status StatusSold has no row in testdata/commands.golden: there are 2 statuses and 1 rows",
		"kiosk/internal/paper/table_test.go:3: nothing folds what was released: call table.Releases",
		"kiosk/internal/paper/paper.go:21: Price is not shown by the table's Show, so no release records it",
	}, problems)

	delete(files, "kiosk/internal/paper/testdata/commands.golden")
	problems, _ = untabled(t, tree(t, files), "kiosk/internal/paper")
	require.Equal(t, []string{
		"kiosk/internal/paper/paper.go:10: Paper has no table of its commands: write one with aggregatetest.Table, and run it with UPDATE_GOLDEN=1",
	}, problems)
	_, aggregate = untabled(t, tree(t, map[string]string{"kiosk/internal/sums/sums.go": "package sums\n\ntype Sum struct{ n int }\n"}), "kiosk/internal/sums")
	require.False(t, aggregate)
}

// untabled are the commands, statuses and questions of an aggregate that its
// table leaves out. A package without an aggregate has none.
func untabled(t testing.TB, root, pkg string) (problems []string, aggregate bool) {
	t.Helper()
	s := sourceOf(t, root, pkg)
	typeName := s.aggregate()
	if typeName.name == "" {
		return nil, false
	}
	const golden = "testdata/commands.golden"
	folder := filepath.Join(root, filepath.FromSlash(pkg))
	file := filepath.Join(folder, filepath.FromSlash(golden))
	if found, _ := filepath.Glob(file); len(found) == 0 {
		return []string{s.problem(typeName.at, "%s has no table of its commands: write one with aggregatetest.Table, and run it with UPDATE_GOLDEN=1", typeName.name)}, true
	}
	lines := strings.Split(strings.TrimSpace(readAt(t, file)), "\n")
	var columns []string
	for _, column := range strings.Split(strings.Trim(lines[0], "| "), "|")[1:] {
		columns = append(columns, strings.TrimSpace(column))
	}
	commands, questions := s.methods(typeName.name)
	for _, c := range commands {
		if !slices.Contains(columns, c.name) {
			problems = append(problems, s.problem(c.at, "the command %s has no column in %s: add it to the table of the aggregate's test", c.name, golden))
		}
	}
	for _, column := range columns {
		if !slices.ContainsFunc(commands, func(c named) bool { return c.name == column }) {
			problems = append(problems, problem(t, root, file, 1, "the column %s is no command of %s: take it out", column, typeName.name))
		}
	}
	rows := len(lines) - 2
	if statuses := s.statuses(); len(statuses) > rows {
		last := statuses[len(statuses)-1]
		problems = append(problems, s.problem(last.at, "the status %s has no row in %s: there are %d statuses and %d rows", last.name, golden, len(statuses), rows))
	}
	test := filepath.Join(folder, "table_test.go")
	written := readAt(t, test)
	if !strings.Contains(written, "{ table.Releases(t) }") {
		line := 1 + strings.Count(written[:strings.Index(written, "{ table.Run(t) }")], "\n")
		problems = append(problems, problem(t, root, test, line, "nothing folds what was released: call table.Releases"))
	}
	for _, q := range questions {
		if !strings.Contains(written, `"`+q.name+`":`) {
			problems = append(problems, s.problem(q.at, "%s is not shown by the table's Show, so no release records it", q.name))
		}
	}
	return problems, true
}

// aggregate is the type that embeds eventsourcing.Root.
func (s *source) aggregate() named {
	var found named
	for _, file := range s.files {
		ast.Inspect(file, func(node ast.Node) bool {
			spec, ok := node.(*ast.TypeSpec)
			if !ok {
				return true
			}
			fields, ok := spec.Type.(*ast.StructType)
			if !ok {
				return false
			}
			for _, field := range fields.Fields.List {
				if index, ok := field.Type.(*ast.IndexExpr); ok && len(field.Names) == 0 {
					if root, ok := index.X.(*ast.SelectorExpr); ok && root.Sel.Name == "Root" {
						found = named{spec.Name.Name, spec.Pos()}
					}
				}
			}
			return false
		})
	}
	return found
}

// methods are the exported methods of an aggregate: commands, which return an
// error and nothing else, and questions, which take nothing and return something.
func (s *source) methods(typeName string) (commands, questions []named) {
	for _, file := range s.files {
		for _, declaration := range file.Decls {
			f, ok := declaration.(*ast.FuncDecl)
			if !ok || f.Recv == nil || !f.Name.IsExported() || f.Type.Results.NumFields() != 1 {
				continue
			}
			receiver, ok := f.Recv.List[0].Type.(*ast.StarExpr)
			if !ok {
				continue
			}
			if ident, ok := receiver.X.(*ast.Ident); !ok || ident.Name != typeName {
				continue
			}
			result, ok := f.Type.Results.List[0].Type.(*ast.Ident)
			switch {
			case ok && result.Name == "error":
				commands = append(commands, named{f.Name.Name, f.Pos()})
			case f.Type.Params.NumFields() == 0:
				questions = append(questions, named{f.Name.Name, f.Pos()})
			}
		}
	}
	return commands, questions
}

// statuses are the constants of the type Status.
func (s *source) statuses() []named {
	var all []named
	for _, file := range s.files {
		for _, declaration := range file.Decls {
			group, ok := declaration.(*ast.GenDecl)
			if !ok || group.Tok != token.CONST {
				continue
			}
			continued := false
			for _, spec := range group.Specs {
				value := spec.(*ast.ValueSpec)
				if value.Type != nil || len(value.Values) > 0 {
					ident, ok := value.Type.(*ast.Ident)
					continued = ok && ident.Name == "Status"
				}
				if continued {
					for _, name := range value.Names {
						all = append(all, named{name.Name, name.Pos()})
					}
				}
			}
		}
	}
	return all
}
