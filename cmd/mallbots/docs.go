package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/reflect/protoreflect"

	"mallbots/internal/asyncapi"
	"mallbots/internal/contracts"
	"mallbots/internal/database"
	"mallbots/internal/host"
	"mallbots/internal/outbox"
)

// docsCommand writes the map: what the modules register when they are mounted,
// with the words of the contracts, the package comments and the migrations.
type docsCommand struct {
	Root string `default:"." type:"existingdir" help:"The checkout of the repository, for the words."`
	Out  string `default:"docs" help:"Where to write map.md and asyncapi.json; below the root, unless it is absolute."`
}

// Run mounts every module on databases in a temporary directory, and writes
// what they have registered.
func (d *docsCommand) Run(ctx context.Context, c *console) error {
	a, err := surveyed(ctx, d.Root)
	if err != nil {
		return err
	}
	document, err := asyncapi.Document(a.words, a.listeners())
	if err != nil {
		return err
	}
	out := d.Out
	if !filepath.IsAbs(out) {
		out = filepath.Join(d.Root, out)
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	for name, text := range map[string][]byte{"map.md": a.page(), "asyncapi.json": document} {
		if err := os.WriteFile(filepath.Join(out, name), text, 0o644); err != nil {
			return err
		}
	}
	c.Note("Wrote map.md and asyncapi.json into %s.", out)
	return nil
}

// atlas is all that the map shows.
type atlas struct {
	words   contracts.Comments
	modules []surveyedModule
}

// surveyedModule is a module as it is when it runs, and the words about it.
type surveyedModule struct {
	host.Canvas
	about  []string // the paragraphs of the package comment
	rpcs   []protoreflect.MethodDescriptor
	tables []ownTable
	states []string // of each aggregate: what it does with every command
	events []protoreflect.MessageDescriptor
}

// surveyed mounts the modules and looks at what they have registered. Nothing
// runs: no listener, no relay, no timer.
func surveyed(ctx context.Context, root string) (a *atlas, err error) {
	dir, err := os.MkdirTemp("", "mallbots-docs-")
	if err != nil {
		return nil, err
	}
	var opened []database.DB
	defer func() {
		for _, db := range opened {
			err = errors.Join(err, db.Close())
		}
		err = errors.Join(err, os.RemoveAll(dir))
	}()
	assembly, err := host.Assemble(ctx, host.Config{Data: dir, Log: slog.New(slog.DiscardHandler)}, host.Parts{
		Open: func(ctx context.Context, config database.Config, migrations fs.FS) (database.DB, error) {
			db, err := database.Open(ctx, config, migrations)
			if err == nil {
				opened = append(opened, db)
			}
			return db, err
		},
		Stream: func(string) outbox.Stream { return nil },
		Health: func() error { return nil },
	}, modules)
	if err != nil {
		return nil, err
	}
	a = &atlas{}
	var files []protoreflect.FileDescriptor
	methods := map[string][]protoreflect.MethodDescriptor{}
	for spec := range assembly.RPC().Specs() {
		if method, module, ok := methodOf(spec); ok {
			methods[module] = append(methods[module], method)
			files = append(files, method.ParentFile())
		}
	}
	for _, s := range assembly.Services() {
		m := surveyedModule{Canvas: s.Canvas(), rpcs: methods[s.Name], events: contracts.Events(s.Name)}
		if len(m.events) == 0 || len(m.rpcs) == 0 {
			return nil, fmt.Errorf("module %s declares no events or no RPCs that could be found", s.Name)
		}
		for _, event := range m.events {
			files = append(files, event.ParentFile())
		}
		if m.about, err = packageComment(filepath.Join(root, s.Name)); err != nil {
			return nil, err
		}
		if m.tables, err = tablesOf(ctx, s.DB, filepath.Join(root, s.Name, "migrations")); err != nil {
			return nil, err
		}
		if m.states, err = statesOf(filepath.Join(root, s.Name, "internal"), m.Aggregates); err != nil {
			return nil, err
		}
		slices.SortFunc(m.rpcs, func(x, y protoreflect.MethodDescriptor) int { return x.Index() - y.Index() })
		a.modules = append(a.modules, m)
	}
	a.words, err = contracts.ReadComments(filepath.Join(root, "proto"), files)
	return a, err
}

// methodOf is the method of a module that an RPC is, and the module.
func methodOf(spec connect.Spec) (method protoreflect.MethodDescriptor, module string, ok bool) {
	method, ok = spec.Schema.(protoreflect.MethodDescriptor)
	if !ok {
		return nil, "", false
	}
	for _, m := range modules {
		if method.ParentFile().Package().Parent() == protoreflect.FullName("mallbots."+m.Name) {
			return method, m.Name, true
		}
	}
	return nil, "", false // health, reflection
}

func (a *atlas) listeners() []asyncapi.Module {
	var all []asyncapi.Module
	for _, m := range a.modules {
		all = append(all, asyncapi.Module{Name: m.Name, Hears: m.Hears})
	}
	return all
}
