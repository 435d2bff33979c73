package extraction

import (
	"go/ast"
	"iter"
	"path"
	"slices"
	"strings"
)

// choose leaves out the tests of a package that need what is not extracted, and
// those that need what only such tests declare.
func (t *tree) choose(f *folder) {
	for _, s := range f.tests {
		s.out = t.reachesOut(f, s)
	}
	for again := true; again; {
		again = false
		gone := onlyDeclaredBy(f.tests)
		for _, s := range f.tests {
			if !s.out && s.uses(gone) {
				s.out, again = true, true
			}
		}
	}
}

// reachesOut says whether a test needs a package of another module, or files
// outside its own package.
func (t *tree) reachesOut(f *folder, s *source) bool {
	if slices.ContainsFunc(s.imports, func(i string) bool { return t.needsOther(t.all[i]) }) {
		return true
	}
	found := false
	ast.Inspect(s.file, func(n ast.Node) bool {
		if text, ok := n.(*ast.BasicLit); ok {
			for start := range strings.SplitSeq(strings.Trim(text.Value, "\"`"), " ") {
				if strings.HasPrefix(start, "../") || start == ".." {
					start, _, _ = strings.Cut(start, "*")
					found = found || t.has[path.Join(f.path, start)]
				}
			}
		}
		return !found
	})
	return found
}

// onlyDeclaredBy are the names that are declared by tests which are left out, and
// by no other test of the package. A method begins with a dot, and counts when
// its type stays.
func onlyDeclaredBy(tests []*source) map[string]bool {
	gone, stay := map[string]bool{}, map[string]bool{}
	for _, s := range tests {
		for name := range s.declares() {
			if s.out {
				gone[name] = true
			} else {
				stay[name] = true
			}
		}
	}
	for name := range gone {
		receiver, method, is := strings.Cut(name, ".")
		if stay[name] {
			delete(gone, name)
		} else if is {
			delete(gone, name)
			if stay[receiver] {
				gone["."+method] = true
			}
		}
	}
	return gone
}

// declares are the names at the top of a file; a method's is that of its type, a
// dot and its own.
func (s *source) declares() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, d := range s.file.Decls {
			for _, name := range declared(d) {
				if name != "_" && name != "init" && name != "TestMain" && !yield(name) {
					return
				}
			}
		}
	}
}

func declared(d ast.Decl) (names []string) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			return []string{d.Name.Name}
		}
		return []string{receiver(d.Recv.List[0].Type) + "." + d.Name.Name}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				names = append(names, spec.Name.Name)
			case *ast.ValueSpec:
				for _, name := range spec.Names {
					names = append(names, name.Name)
				}
			}
		}
	}
	return names
}

// receiver is the name of a method's type.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// uses says whether a file speaks of one of some names. It may be another thing
// of the same name; then a test more is left out.
func (s *source) uses(names map[string]bool) bool {
	if len(names) == 0 {
		return false
	}
	found := false
	selected := map[*ast.Ident]bool{}
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			selected[n.Sel] = true
			found = found || names["."+n.Sel.Name]
		case *ast.Ident:
			found = found || !selected[n] && names[n.Name]
		}
		return !found
	})
	return found
}
