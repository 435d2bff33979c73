package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// source is the Go of a module, tests left out, as it is written.
type source struct {
	t     testing.TB
	root  string // of the repository
	set   *token.FileSet
	files []*ast.File
}

// sourceOf reads a module, its aggregates included.
func sourceOf(t testing.TB, root, module string) *source {
	t.Helper()
	s := &source{t: t, root: root, set: token.NewFileSet()}
	require.NoError(t, filepath.WalkDir(filepath.Join(root, module), func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(s.set, name, nil, parser.SkipObjectResolution)
		s.files = append(s.files, file)
		return err
	}))
	require.NotEmpty(t, s.files, "%s has no Go", module)
	return s
}

// problem says what is wrong, where, and why that is not done.
func (s *source) problem(at token.Pos, format string, args ...any) string {
	position := s.set.Position(at)
	return problem(s.t, s.root, position.Filename, position.Line, format, args...)
}

func problem(t testing.TB, root, file string, line int, format string, args ...any) string {
	name, err := filepath.Rel(root, file)
	require.NoError(t, err)
	return fmt.Sprintf("%s:%d: %s", filepath.ToSlash(name), line, fmt.Sprintf(format, args...))
}

// imports are the packages that a file names, by the name it has for them.
func imports(file *ast.File) map[string]string {
	named := map[string]string{}
	for _, spec := range file.Imports {
		target, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // it does not compile
		}
		name := path.Base(target)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		named[name] = target
	}
	return named
}

// selected is what a selector such as outbox.Publish names: the package's path
// and the name in it.
func selected(file *ast.File, expression ast.Expr) (pkg, name string) {
	selector, ok := expression.(*ast.SelectorExpr)
	if !ok {
		return "", ""
	}
	if ident, ok := selector.X.(*ast.Ident); ok {
		return imports(file)[ident.Name], selector.Sel.Name
	}
	return "", ""
}

// none requires that there is no problem, and shows all there are.
func none(t *testing.T, problems []string) {
	t.Helper()
	require.Empty(t, problems, "%s", strings.Join(problems, "\n"))
}

// repository is where the tests look for what is really there.
const repository = "../.."

// tree writes files below a temporary directory, and returns it: a repository
// in which a rule is broken.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		write(t, filepath.Join(root, filepath.FromSlash(name)), text)
	}
	return root
}

// named is a constant in the source.
type named struct {
	name string
	at   token.Pos
}

// cleared are the tables that the module lets a rebuild clear, Service.Tables.
func (s *source) cleared() []named {
	var all []named
	for _, file := range s.files {
		ast.Inspect(file, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok {
				return true
			}
			if selector, ok := call.Fun.(*ast.SelectorExpr); !ok || selector.Sel.Name != "Tables" {
				return true
			}
			for _, argument := range call.Args {
				var x text
				x.fold(argument, s.constants())
				all = append(all, named{x.value, argument.Pos()})
			}
			return true
		})
	}
	return all
}

// sortedKeys are the keys of a map, in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
