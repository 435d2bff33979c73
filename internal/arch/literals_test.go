package arch

import (
	"go/ast"
	"go/token"
	"strconv"
	"strings"
)

// unknown stands in a text for what is not a constant.
const unknown = "\x00"

// text is a string as it is put together in the source, what is not constant
// being unknown.
type text struct {
	value  string
	parts  []part
	others []ast.Expr // what is not constant
}

// part is where a piece of a text is written.
type part struct {
	offset int
	at     token.Pos
	raw    bool // in backquotes: its lines are those of the source
}

// line is where in the source an offset of the text is written.
func (x text) line(set *token.FileSet, offset int) (file string, line int) {
	var found part
	for _, p := range x.parts {
		if p.offset <= offset {
			found = p
		}
	}
	position := set.Position(found.at)
	if found.raw {
		position.Line += strings.Count(x.value[found.offset:offset], "\n")
	}
	return position.Filename, position.Line
}

// texts are the strings of a module, each as long as it is put together with +.
func (s *source) texts() []text {
	constants := s.constants()
	var all []text
	var look func(node ast.Node) bool
	look = func(node ast.Node) bool {
		var x text
		switch node := node.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.BinaryExpr:
			if !x.fold(node, constants) {
				return true
			}
			all = append(all, x)
			for _, other := range x.others {
				ast.Inspect(other, look)
			}
			return false
		case *ast.BasicLit:
			if x.fold(node, constants) {
				all = append(all, x)
			}
		}
		return true
	}
	for _, file := range s.files {
		ast.Inspect(file, look)
	}
	return all
}

// fold appends what an expression says, and reports whether there is a string
// in it.
func (x *text) fold(expression ast.Expr, constants map[string]string) bool {
	switch e := expression.(type) {
	case *ast.BasicLit:
		value, err := strconv.Unquote(e.Value)
		if e.Kind != token.STRING || err != nil {
			break
		}
		x.parts = append(x.parts, part{len(x.value), e.Pos(), strings.HasPrefix(e.Value, "`")})
		x.value += value
		return true
	case *ast.ParenExpr:
		return x.fold(e.X, constants)
	case *ast.BinaryExpr:
		if e.Op != token.ADD {
			break
		}
		left := x.fold(e.X, constants)
		return x.fold(e.Y, constants) || left
	case *ast.Ident:
		if value, ok := constants[e.Name]; ok {
			x.parts = append(x.parts, part{len(x.value), e.Pos(), false})
			x.value += value
			return true
		}
	}
	x.parts = append(x.parts, part{len(x.value), expression.Pos(), false})
	x.value += unknown
	x.others = append(x.others, expression)
	return false
}

// constants are the string constants of the module's packages.
func (s *source) constants() map[string]string {
	known := map[string]string{}
	for _, file := range s.files {
		for _, declaration := range file.Decls {
			group, ok := declaration.(*ast.GenDecl)
			if !ok || group.Tok != token.CONST {
				continue
			}
			for _, spec := range group.Specs {
				values := spec.(*ast.ValueSpec)
				for i, name := range values.Names {
					var x text
					if i < len(values.Values) && x.fold(values.Values[i], known) && !strings.Contains(x.value, unknown) {
						known[name.Name] = x.value
					}
				}
			}
		}
	}
	return known
}
