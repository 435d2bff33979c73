package extraction

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// tree is the checkout, package by package.
type tree struct {
	module  string
	modules []string
	all     map[string]*folder // every package, by its path below the root
	wanted  map[string]bool    // those that are extracted
	has     map[string]bool    // every file and folder of the checkout
}

// folder is a package.
type folder struct {
	path    string
	code    []*source
	tests   []*source
	others  []string // files that are not Go
	foreign int      // whether it needs another module: 0 not known, 1 no, 2 yes, 3 being asked
}

// source is a Go file.
type source struct {
	path    string
	imports []string // of this repository, below its root
	file    *ast.File
	out     bool // a test that is left out
}

// read reads what git tracks. A file is the package's in whose folder it is, or
// in the nearest above.
func (e Extraction) read(ctx context.Context) (*tree, error) {
	listed, err := output(ctx, e.Checkout, "git", "ls-files", "--cached", "--others", "--exclude-standard")
	if err != nil {
		return nil, err
	}
	t := &tree{module: e.Module, modules: e.Modules, all: map[string]*folder{}, wanted: map[string]bool{}, has: map[string]bool{".": true}}
	var others []string
	for name := range strings.Lines(listed) {
		name = strings.TrimSpace(name)
		if _, err := os.Stat(filepath.Join(e.Checkout, name)); err != nil {
			continue // deleted, and not yet committed
		}
		for above := name; above != "."; above = path.Dir(above) {
			t.has[above] = true
		}
		if !strings.HasSuffix(name, ".go") || strings.Contains("/"+name, "/testdata/") {
			others = append(others, name)
			continue
		}
		if err := t.add(e.Checkout, name); err != nil {
			return nil, err
		}
	}
	for _, name := range others {
		for dir := path.Dir(name); ; dir = path.Dir(dir) {
			if f := t.all[dir]; f != nil {
				f.others = append(f.others, name)
				break
			}
			if dir == "." {
				break
			}
		}
	}
	return t, nil
}

// add parses a Go file.
func (t *tree) add(checkout, name string) error {
	text, err := os.ReadFile(filepath.Join(checkout, name))
	if err != nil {
		return err
	}
	s := &source{path: name}
	if s.file, err = parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution|parser.ParseComments); err != nil {
		return fmt.Errorf("extract: %w", err)
	}
	for _, i := range s.file.Imports {
		whole, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			return fmt.Errorf("extract: %s: %w", name, err)
		}
		if own, ok := strings.CutPrefix(whole, Root+"/"); ok {
			s.imports = append(s.imports, own)
		}
	}
	dir := path.Dir(name)
	if t.all[dir] == nil {
		t.all[dir] = &folder{path: dir}
	}
	f := t.all[dir]
	if strings.HasSuffix(name, "_test.go") {
		f.tests = append(f.tests, s)
	} else {
		f.code = append(f.code, s)
	}
	return nil
}

// close finds every package that the module needs, with its tests.
func (t *tree) close() error {
	queue := []string{"cmd/" + t.module, t.module, "internal/database/pgtest/with"}
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		if t.wanted[name] {
			continue
		}
		f := t.all[name]
		if f == nil {
			return fmt.Errorf("extract: the package %s is imported, and is not in the checkout", name)
		}
		if t.needsOther(f) {
			return fmt.Errorf("extract: %s needs another module than %s, so it cannot go without it", name, t.module)
		}
		t.wanted[name] = true
		t.choose(f)
		for _, s := range slices.Concat(f.code, f.tests) {
			if !s.out {
				queue = append(queue, s.imports...)
			}
		}
	}
	return nil
}

// another says whether a package belongs to another module.
func (t *tree) another(name string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(name, "cmd/"), "/")
	return first != t.module && (slices.Contains(t.modules, first) || strings.HasPrefix(name, "cmd/"))
}

// needsOther says whether a package is another module's, or imports one.
func (t *tree) needsOther(f *folder) bool {
	if f == nil {
		return false
	}
	const unknown, no, yes, asked = 0, 1, 2, 3
	if f.foreign == unknown {
		f.foreign = asked
		verdict := no
		if t.another(f.path) {
			verdict = yes
		}
		for _, s := range f.code {
			for _, i := range s.imports {
				if t.needsOther(t.all[i]) {
					verdict = yes
				}
			}
		}
		f.foreign = verdict
	}
	return f.foreign == yes
}

// packages are those that are extracted, sorted.
func (t *tree) packages() []string { return slices.Sorted(maps.Keys(t.wanted)) }

// leftOut are the test files that are not, sorted.
func (t *tree) leftOut() []string {
	var names []string
	for name := range t.wanted {
		for _, s := range t.all[name].tests {
			if s.out {
				names = append(names, s.path)
			}
		}
	}
	slices.Sort(names)
	return names
}
