package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLinesAreLoggedWithTheirContext finds lines that could say which request or
// message they belong to, and do not: where a context is at hand, slog is called
// with it.
func TestLinesAreLoggedWithTheirContext(t *testing.T) {
	without := []string{"Debug", "Info", "Warn", "Error"}
	seen := 0
	require.NoError(t, filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		name := strings.TrimPrefix(filepath.ToSlash(path), "../../")
		if err != nil || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") ||
			strings.HasPrefix(name, "internal/third_party/") || strings.HasPrefix(name, "proto/") || strings.HasPrefix(name, "bench/") {
			return err
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		for _, declaration := range file.Decls {
			f, ok := declaration.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			inside(f.Type, f.Body, false, func(call *ast.CallExpr, hasContext bool) {
				selector, ok := call.Fun.(*ast.SelectorExpr)
				if !ok || !isLog(selector.X) {
					return
				}
				seen++
				require.False(t, hasContext && slices.Contains(without, selector.Sel.Name),
					"%s:%d: a context is at hand: use %sContext", name, files.Position(call.Pos()).Line, selector.Sel.Name)
			})
		}
		return nil
	}))
	require.Greater(t, seen, 50, "the loggers are called otherwise now; mend this test")
}

// inside visits the calls of a function and of the functions in it, and says
// whether a parameter called ctx is within reach.
func inside(kind *ast.FuncType, body *ast.BlockStmt, hasContext bool, visit func(call *ast.CallExpr, hasContext bool)) {
	for _, parameter := range kind.Params.List {
		for _, name := range parameter.Names {
			hasContext = hasContext || name.Name == "ctx"
		}
	}
	ast.Inspect(body, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.FuncLit:
			inside(n.Type, n.Body, hasContext, visit)
			return false
		case *ast.CallExpr:
			visit(n, hasContext)
		}
		return true
	})
}

// isLog reports whether an expression is a logger: log, or something's log.
func isLog(x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.Ident:
		return x.Name == "log" || x.Name == "slog"
	case *ast.SelectorExpr:
		return x.Sel.Name == "log" || x.Sel.Name == "Log"
	}
	return false
}
