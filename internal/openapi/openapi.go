// Package openapi tells people and programs what the REST API is: the document
// at /openapi.json, and a page to browse and try it at /docs.
//
// The document, openapi.json, is generated from the contracts in proto and
// committed; a test fails when it is stale. It describes every module. A process
// that runs some of them serves the part that is true there.
package openapi

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/go-chi/chi/v5"
)

// From the repository's root: go generate ./internal/openapi
//go:generate sh -c "cd ../.. && go run ./internal/openapi/generate"

//go:embed openapi.json
var document []byte

// Document returns the OpenAPI 3.1 document of every module.
func Document() []byte { return slices.Clone(document) }

// Mount serves the document at /openapi.json and the page at /docs. With names
// of modules, such as "stores", the document holds the routes of these alone; a
// module without an API adds nothing. It panics when the embedded document can't
// be read: that is a mistake in the build.
func Mount(r chi.Router, modules ...string) {
	served := document
	if len(modules) > 0 {
		part, err := Part(modules...)
		if err != nil {
			panic(err)
		}
		served = part
	}
	r.Get("/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(served) // the client left
	})
	mountPage(r)
}

// Part returns the document of some modules: their tags, their routes, and what
// these refer to. A name that no route has adds nothing.
func Part(modules ...string) ([]byte, error) {
	var doc struct {
		OpenAPI    json.RawMessage                       `json:"openapi"`
		Info       json.RawMessage                       `json:"info"`
		Servers    json.RawMessage                       `json:"servers"`
		Tags       []tag                                 `json:"tags"`
		Paths      map[string]map[string]json.RawMessage `json:"paths"`
		Components map[string]map[string]json.RawMessage `json:"components"`
	}
	if err := json.Unmarshal(document, &doc); err != nil {
		return nil, fmt.Errorf("openapi: the embedded document: %w", err)
	}
	doc.Tags = slices.DeleteFunc(doc.Tags, func(t tag) bool { return !slices.Contains(modules, t.Name) })
	var kept [][]byte
	for path, verbs := range doc.Paths {
		for verb, raw := range verbs {
			var operation struct{ Tags []string }
			if err := json.Unmarshal(raw, &operation); err != nil {
				return nil, fmt.Errorf("openapi: %s %s: %w", verb, path, err)
			}
			if !slices.ContainsFunc(operation.Tags, func(t string) bool { return slices.Contains(modules, t) }) {
				delete(verbs, verb)
				continue
			}
			kept = append(kept, raw)
		}
		if len(verbs) == 0 {
			delete(doc.Paths, path)
		}
	}
	prune(doc.Components, kept)
	return json.MarshalIndent(doc, "", "  ")
}

type tag struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}
