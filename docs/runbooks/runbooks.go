// Package runbooks holds what to do when an alarm rings: one document for each
// alert of docker/observability, embedded so that the console shows it.
package runbooks

import (
	"embed"
	"io/fs"
	"slices"
	"strings"
)

//go:embed *.md
var files embed.FS

// Text returns the runbook of an alert as Markdown, and whether there is one.
func Text(alert string) (string, bool) {
	text, err := files.ReadFile(alert + ".md")
	return string(text), err == nil
}

// Names are the alerts that have a runbook, sorted.
func Names() []string {
	found, err := fs.Glob(files, "*.md")
	if err != nil {
		return nil // the pattern is a constant
	}
	for i, name := range found {
		found[i] = strings.TrimSuffix(name, ".md")
	}
	slices.Sort(found)
	return found
}
