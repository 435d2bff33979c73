// Package contracts reads the contracts in proto: which events a module
// declares, and the words that stand above what is declared. Its tests hold the
// contracts to what was released: what a client or a stream relies on is not
// taken away.
package contracts

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Comments are the words above a declaration, by its full name. Go's generated
// code leaves them out of its descriptors, so they are read from the sources,
// which buf keeps in one format: a declaration begins its line, with two blanks
// before it inside a message, enum or service, and its comment right above.
type Comments map[protoreflect.FullName]string

var (
	outer  = regexp.MustCompile(`^(?:message|enum|service) (\w+) \{`)
	member = regexp.MustCompile(`^  (?:rpc (\w+)\(|(?:repeated )?[\w.]+ (\w+) = \d+|([A-Z0-9_]+) = \d+)`)
)

// ReadComments reads the contracts, below the folder root, and what they import
// of ours.
func ReadComments(root string, files []protoreflect.FileDescriptor) (Comments, error) {
	words := Comments{}
	for _, file := range files {
		imports := file.Imports()
		for i := range imports.Len() {
			if strings.HasPrefix(imports.Get(i).Path(), "mallbots/") {
				if err := words.read(root, imports.Get(i)); err != nil {
					return nil, err
				}
			}
		}
		if err := words.read(root, file); err != nil {
			return nil, err
		}
	}
	return words, nil
}

// read adds the comments of one file.
func (c Comments) read(root string, file protoreflect.FileDescriptor) error {
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file.Path())))
	if err != nil {
		return fmt.Errorf("comments of %s: %w", file.Path(), err)
	}
	var above []string
	scope := file.Package()
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		if comment, ok := strings.CutPrefix(strings.TrimSpace(line), "//"); ok {
			above = append(above, strings.TrimSpace(comment))
			continue
		}
		if strings.HasPrefix(line, "syntax ") {
			c[protoreflect.FullName(file.Path())] = strings.Join(above, " ")
		} else if m := outer.FindStringSubmatch(line); m != nil {
			scope = file.Package().Append(protoreflect.Name(m[1]))
			c[scope] = strings.Join(above, " ")
		} else if m := member.FindStringSubmatch(line); m != nil {
			c[scope.Append(protoreflect.Name(m[1]+m[2]+m[3]))] = strings.Join(above, " ")
		}
		above = nil
	}
	return nil
}

// Head returns the words at the head of a file.
func (c Comments) Head(file protoreflect.FileDescriptor) string {
	return c[protoreflect.FullName(file.Path())]
}

// Of returns the words for a declaration. An enum's value is a sibling of its
// enum in protobuf, and a child of it here, as in the source.
func (c Comments) Of(d protoreflect.Descriptor) (string, error) {
	name := d.FullName()
	if value, ok := d.(protoreflect.EnumValueDescriptor); ok {
		name = value.Parent().FullName().Append(value.Name())
	}
	if c[name] == "" {
		return "", fmt.Errorf("%s has no comment above it in %s", name, d.ParentFile().Path())
	}
	return c[name], nil
}

// Deed returns what an RPC does, or an event tells: its comment without its name in front.
func (c Comments) Deed(m protoreflect.Descriptor) (string, error) {
	text, err := c.Of(m)
	if err != nil {
		return "", err
	}
	text, ok := strings.CutPrefix(text, string(m.Name())+" ")
	if !ok || text == "" {
		return "", fmt.Errorf("the comment of %s does not begin with its name", m.FullName())
	}
	return strings.ToUpper(text[:1]) + text[1:], nil
}
