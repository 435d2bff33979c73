// Package extraction writes a repository of its own for one module of a checkout:
// the module, its command, the packages of the platform and the contracts that
// they need, and what a repository has besides.
//
// Which packages those are the imports say, those of tests and of files under
// build tags included. What is copied stays as it is, and under the same module
// path, so that a change of the platform can be carried over as a patch. A few
// files are written for the module: README, Makefile, Dockerfile, CI, and the
// test that holds its packages to their distance.
//
// Tests that need what the repository no longer has are left out, by one rule: a
// test file that imports another module, or a package that does, or that reads
// files outside its own package, or that uses what only such a file of its
// package declares.
package extraction

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Root is the path of the Go module that is extracted from, and into.
const Root = "mallbots"

// Extraction is one module on its way out.
type Extraction struct {
	Checkout string   // the folder of the repository
	Module   string   // the module to extract
	Modules  []string // all that there are
	To       string   // the folder to write: it is made, or empty

	// Rights are files that tell the broker and the database what the module may.
	Rights map[string]string
}

// Result is what was written.
type Result struct {
	To       string   `json:"to"`
	Commit   string   `json:"commit"` // of the checkout
	Packages []string `json:"packages"`
	Files    int      `json:"files"`
	LeftOut  []string `json:"leftOut"` // test files, by the rule
}

// Run writes the repository. Whatever fails leaves the folder as it was.
func (e Extraction) Run(ctx context.Context) (_ Result, err error) {
	if e, err = e.check(ctx); err != nil {
		return Result{}, err
	}
	tree, err := e.read(ctx)
	if err != nil {
		return Result{}, err
	}
	if err := tree.close(); err != nil {
		return Result{}, err
	}
	result := Result{To: e.To, Packages: tree.packages(), LeftOut: tree.leftOut()}
	if result.Commit, err = output(ctx, e.Checkout, "git", "rev-parse", "--short", "HEAD"); err != nil {
		return result, err
	}
	_, statErr := os.Stat(e.To)
	defer func() {
		if err != nil {
			err = errors.Join(err, e.undo(errors.Is(statErr, os.ErrNotExist)))
		}
	}()
	if result.Files, err = e.write(tree, result); err != nil {
		return result, err
	}
	for _, command := range [][]string{
		{"go", "mod", "tidy"}, {"git", "init", "--quiet", "--initial-branch=main"}, {"git", "add", "--all"},
	} {
		if _, err := output(ctx, e.To, command...); err != nil {
			return result, err
		}
	}
	return result, nil
}

// check refuses what cannot be extracted, or written.
func (e Extraction) check(ctx context.Context) (Extraction, error) {
	for _, tool := range []string{"git", "go"} {
		if _, err := exec.LookPath(tool); err != nil {
			return e, fmt.Errorf("extract: %s is needed and not installed: %w", tool, err)
		}
	}
	if !slices.Contains(e.Modules, e.Module) {
		return e, fmt.Errorf("extract: there is no module %q; there are %s", e.Module, strings.Join(e.Modules, ", "))
	}
	top, err := output(ctx, e.Checkout, "git", "rev-parse", "--show-toplevel")
	if err != nil {
		return e, fmt.Errorf("extract: %s is not in a checkout of %s; go to one: %w", e.Checkout, Root, err)
	}
	e.Checkout = top
	gomod, err := os.ReadFile(filepath.Join(top, "go.mod"))
	if err != nil || !strings.HasPrefix(string(gomod), "module "+Root+"\n") {
		return e, fmt.Errorf("extract: %s is not a checkout of %s: its go.mod says otherwise; go to one", top, Root)
	}
	if e.To, err = filepath.Abs(e.To); err != nil {
		return e, err
	}
	if inside, err := filepath.Rel(top, e.To); err == nil && inside != ".." && !strings.HasPrefix(inside, "../") {
		return e, fmt.Errorf("extract: %s is in the checkout; choose a folder beside it, such as ../%s", e.To, e.Module)
	}
	entries, err := os.ReadDir(e.To)
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return e, fmt.Errorf("extract: %w", err)
	case len(entries) > 0:
		return e, fmt.Errorf("extract: %s is not empty (it holds %s); choose a new folder", e.To, entries[0].Name())
	}
	return e, nil
}

// undo removes what was written, and the folder when it was made.
func (e Extraction) undo(made bool) error {
	if made {
		return os.RemoveAll(e.To)
	}
	entries, err := os.ReadDir(e.To)
	for _, entry := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(e.To, entry.Name())))
	}
	return err
}

// output runs a command and returns what it prints, trimmed.
func output(ctx context.Context, dir string, command ...string) (string, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, strings.TrimSpace(string(failed.Stderr)))
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", strings.Join(command, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}
