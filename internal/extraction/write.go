package extraction

import (
	"bytes"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"
)

//go:embed templates
var templates embed.FS

// generated are the files that are written for the module, by their template.
var generated = map[string]string{
	"README.md":                  "README.md.tmpl",
	"Makefile":                   "Makefile.tmpl",
	".ci/run":                    "ci.tmpl",
	"docker/Dockerfile":          "Dockerfile.tmpl",
	"docker/compose.yaml":        "compose.yaml.tmpl",
	"docker/module.env":          "module.env.tmpl",
	"internal/arch/arch_test.go": "arch_test.go.tmpl",
	"buf.yaml":                   "buf.yaml.tmpl",
	"proto/buf.gen.yaml":         "buf.gen.yaml.tmpl",
}

// carried are files and folders that are copied as they are, besides packages.
var carried = []string{
	"LICENSE", ".gitignore", "go.mod", "go.sum", "docker/Dockerfile.dockerignore",
	"internal/third_party/", "internal/tools/buf/", "internal/tools/lint/",
}

// write copies and generates, and returns how many files there are then.
func (e Extraction) write(t *tree, r Result) (files int, err error) {
	var names []string
	for name := range t.wanted {
		f := t.all[name]
		for _, s := range slices.Concat(f.code, f.tests) {
			if !s.out {
				names = append(names, s.path)
			}
		}
		names = append(names, f.others...)
	}
	for name := range t.has {
		if slices.ContainsFunc(carried, func(c string) bool { return name == c || strings.HasSuffix(c, "/") && strings.HasPrefix(name, c) }) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if err := e.copy(name); err != nil {
			return files, err
		}
		files++
	}
	for name, text := range e.Rights {
		if err := e.put(name, []byte(text)); err != nil {
			return files, err
		}
		files++
	}
	about, err := e.about(t, r)
	if err != nil {
		return files, err
	}
	for name, from := range generated {
		if err := e.generate(name, from, about); err != nil {
			return files, err
		}
		files++
	}
	return files, nil
}

// copy copies a file with its rights. A folder is made by what is in it.
func (e Extraction) copy(name string) error {
	from, to := filepath.Join(e.Checkout, name), filepath.Join(e.To, name)
	stat, err := os.Stat(from)
	if err != nil || stat.IsDir() {
		return err
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, text, stat.Mode().Perm())
}

// said are the events that a module publishes: the messages of its file that are
// no parts of others.
func (e Extraction) said(module string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(e.Checkout, "proto", Root, module, "v1", "events.proto"))
	if err != nil {
		return nil, err
	}
	var events []string
	for _, m := range spoken.FindAllStringSubmatch(string(text), -1) {
		if part := regexp.MustCompile(`(?m)^\s+(repeated )?` + m[1] + ` \w+ = `); !part.Match(text) {
			events = append(events, m[1])
		}
	}
	return events, nil
}

// about is what the templates are told.
type about struct {
	Result
	Module    string
	Says      string   // the comment of the module's package
	Hears     []string // full names of the events that it handles
	Speaks    []string // those that it publishes
	Sources   []string // the modules that publish those that it handles
	Contracts []string // the other modules whose contracts are there
	Rights    bool     // what the broker and the database are told is among the files
}

var (
	heard  = regexp.MustCompile(`inbox\.On\([\w.]+, m\.on(\w+)\)`)
	spoken = regexp.MustCompile(`(?m)^message (\w+) \{$`)
)

// about reads what the module says of itself.
func (e Extraction) about(t *tree, r Result) (about, error) {
	a := about{Result: r, Module: e.Module, Rights: len(e.Rights) > 0}
	for _, s := range t.all[e.Module].code {
		if s.file.Doc != nil {
			a.Says = strings.TrimSpace(s.file.Doc.Text())
		}
	}
	code, err := os.ReadFile(filepath.Join(e.Checkout, e.Module, "module.go"))
	if err != nil {
		return a, err
	}
	for _, event := range heard.FindAllStringSubmatch(string(code), -1) {
		a.Hears = append(a.Hears, event[1])
	}
	for _, m := range e.Modules {
		said, err := e.said(m)
		if err != nil {
			return a, err
		}
		if m == e.Module {
			a.Speaks = said
			continue
		}
		if slices.ContainsFunc(a.Hears, func(event string) bool { return slices.Contains(said, event) }) {
			a.Sources = append(a.Sources, m)
		}
		if t.wanted["proto/"+Root+"/"+m+"/v1"] {
			a.Contracts = append(a.Contracts, m)
		}
	}
	return a, nil
}

// generate writes a file from a template.
func (e Extraction) generate(name, from string, about about) error {
	parsed, err := template.New(from).Delims("<<", ">>").Funcs(template.FuncMap{"join": strings.Join, "upper": strings.ToUpper}).ParseFS(templates, "templates/"+from)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := parsed.Execute(&text, about); err != nil {
		return fmt.Errorf("extract: %s: %w", name, err)
	}
	return e.put(name, text.Bytes())
}

// put writes a file; a script may be run.
func (e Extraction) put(name string, text []byte) error {
	to := filepath.Join(e.To, name)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	mode := os.FileMode(0o644)
	if bytes.HasPrefix(text, []byte("#!")) {
		mode = 0o755
	}
	return os.WriteFile(to, text, mode)
}
