package openapi_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"mallbots/internal/openapi"
)

func TestTheDocumentIsValidOpenAPI31(t *testing.T) {
	text, err := os.ReadFile("testdata/openapi-3.1.schema.json")
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	require.NoError(t, compiler.AddResource("openapi.json", parse(t, text)))
	schema, err := compiler.Compile("openapi.json")
	require.NoError(t, err)

	require.NoError(t, schema.Validate(parse(t, openapi.Document())))
	part, err := openapi.Part("stores", "depot")
	require.NoError(t, err)
	require.NoError(t, schema.Validate(parse(t, part)))

	broken := bytes.Replace(openapi.Document(), []byte(`"in": "query"`), []byte(`"in": "cellar"`), 1)
	require.Error(t, schema.Validate(parse(t, broken)), "the check would not notice a mistake")
}

// Compiling holds a schema against the meta-schema of JSON Schema 2020-12, and
// finds each reference that leads nowhere.
func TestEverySchemaIsAJSONSchema(t *testing.T) {
	for _, modules := range [][]string{{"stores"}, {"baskets"}, {"ordering"}, {"depot"}, {"stores", "baskets", "ordering", "depot"}} {
		part, err := openapi.Part(modules...)
		require.NoError(t, err)
		compiler := compilerOf(t, part)
		pointers := pointersTo("schema", parse(t, part), "")
		require.NotEmpty(t, pointers)
		for _, pointer := range pointers {
			_, err := compiler.Compile("mall.json#" + pointer)
			require.NoError(t, err, "%v %s", modules, pointer)
		}
		for _, m := range regexp.MustCompile(`"\$ref": "#(/[^"]+)"`).FindAllSubmatch(part, -1) {
			_, ok := lookUp(parse(t, part), string(m[1]))
			require.True(t, ok, "%v: %s leads nowhere", modules, m[1])
		}
	}
}

func TestTheLimitsOfTheContractsAreInTheSchemas(t *testing.T) {
	compiler := compilerOf(t, openapi.Document())
	body := func(path, verb string) *jsonschema.Schema {
		pointer := "/paths/" + strings.ReplaceAll(path, "/", "~1") + "/" + verb + "/requestBody/content/application~1json/schema"
		schema, err := compiler.Compile("mall.json#" + pointer)
		require.NoError(t, err)
		return schema
	}
	long := strings.Repeat("x", 201)
	cases := []struct {
		name, path, verb, body string
		ok                     bool
	}{
		{"a store", "/api/stores", "post", `{"name":"Waldorf Books","location":"Corner"}`, true},
		{"no name", "/api/stores", "post", `{"location":"Corner"}`, false},
		{"a blank name", "/api/stores", "post", `{"name":"  ","location":"Corner"}`, false},
		{"too long a name", "/api/stores", "post", `{"name":"` + long + `","location":"Corner"}`, false},
		{"an unknown field", "/api/stores", "post", `{"name":"W","location":"C","colour":"red"}`, false},
		{"a price in text", "/api/stores/{storeId}/products", "post", `{"name":"W","sku":"1","price":{"currencyCode":"USD","minorUnits":"999"}}`, true},
		{"a price in digits", "/api/stores/{storeId}/products", "post", `{"name":"W","sku":"1","price":{"currencyCode":"USD","minorUnits":999}}`, true},
		{"a price of nothing", "/api/stores/{storeId}/products", "post", `{"name":"W","sku":"1","price":{"currencyCode":"USD"}}`, true},
		{"a price below zero", "/api/stores/{storeId}/products", "post", `{"name":"W","sku":"1","price":{"currencyCode":"USD","minorUnits":-1}}`, false},
		{"a price beyond the limit", "/api/stores/{storeId}/products", "post", `{"name":"W","sku":"1","price":{"currencyCode":"USD","minorUnits":1000000000001}}`, false},
		{"no price", "/api/stores/{storeId}/products", "post", `{"name":"W","sku":"1"}`, false},
		{"a price without a currency", "/api/stores/{storeId}/products", "post", `{"name":"W","sku":"1","price":{"minorUnits":1}}`, false},
		{"ten thousand units", "/api/baskets/{id}/addItem", "put", `{"productId":"0198c0de-0000-7000-8000-000000000000","quantity":10000}`, true},
		{"too many units", "/api/baskets/{id}/addItem", "put", `{"productId":"0198c0de-0000-7000-8000-000000000000","quantity":10001}`, false},
		{"a malformed id", "/api/baskets/{id}/addItem", "put", `{"productId":"p1","quantity":1}`, false},
		{"an empty body", "/api/stores/{id}/participating", "put", `{}`, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := body(c.path, c.verb).Validate(parse(t, []byte(c.body)))
			require.Equal(t, c.ok, err == nil, "%v", err)
		})
	}
}

func TestAProcessServesTheRoutesOfItsModules(t *testing.T) {
	all := servedPaths(t, serve())
	require.Contains(t, all, "/api/stores/{id}")
	require.Contains(t, all, "/api/ordering/{id}/watch")

	some := servedPaths(t, serve("ordering", "depot"))
	require.NotEmpty(t, some)
	for _, path := range some {
		require.Regexp(t, `^/api/(ordering|customers|depot)`, path)
	}
	require.Equal(t, some, servedPaths(t, serve("ordering", "attic", "depot")), "a module without an API adds nothing")
	require.Empty(t, servedPaths(t, serve("attic")))
}

func TestThePageNeedsNothingFromElsewhere(t *testing.T) {
	handler := serve()
	page := get(t, handler, "/docs", "")
	require.Contains(t, page.Header().Get("Content-Type"), "text/html")
	html := page.Body.String()
	require.NotContains(t, html, "://", "the page names another host")
	require.NotRegexp(t, `<script[^>]*>[^<]`, html, "the page has an inline script")
	require.NotRegexp(t, `<style| on\w+=`, html)
	require.Contains(t, page.Header().Get("Content-Security-Policy"), "script-src 'self';")
	require.Contains(t, html, `load-fonts="false"`)

	for _, m := range regexp.MustCompile(`(?:src|href|spec-url)="([a-z][^":]*)"`).FindAllStringSubmatch(html, -1) {
		require.Equal(t, http.StatusOK, get(t, handler, "/"+m[1], "gzip").Code, m[1])
	}
	zipped := get(t, handler, "/docs/rapidoc-min.js", "gzip")
	require.Equal(t, "gzip", zipped.Header().Get("Content-Encoding"))
	plain := get(t, handler, "/docs/rapidoc-min.js", "")
	require.Empty(t, plain.Header().Get("Content-Encoding"))
	require.Contains(t, plain.Body.String(), "rapi-doc")
}

// serve returns a router with the document and the page mounted.
func serve(modules ...string) http.Handler {
	r := chi.NewRouter()
	openapi.Mount(r, modules...)
	return r
}

func get(t *testing.T, h http.Handler, path, encoding string) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequest(http.MethodGet, path, nil)
	req.Header.Set("Accept-Encoding", encoding)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	require.Equal(t, http.StatusOK, w.Code, path)
	return w
}

func servedPaths(t *testing.T, h http.Handler) []string {
	t.Helper()
	var doc struct{ Paths map[string]any }
	body, err := io.ReadAll(get(t, h, "/openapi.json", "").Body)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(body, &doc))
	return slices.Sorted(maps.Keys(doc.Paths))
}

func parse(t *testing.T, text []byte) any {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	return value
}

// compilerOf returns a compiler that knows a document by the name of mall.json.
func compilerOf(t *testing.T, doc []byte) *jsonschema.Compiler {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	require.NoError(t, compiler.AddResource("mall.json", parse(t, doc)))
	return compiler
}

// pointersTo returns a JSON pointer to each value of that key, and to each
// component schema.
func pointersTo(key string, value any, at string) []string {
	var found []string
	if object, ok := value.(map[string]any); ok {
		for name, child := range object {
			pointer := at + "/" + strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
			if name == key || at == "/components/schemas" {
				found = append(found, pointer)
			}
			found = append(found, pointersTo(key, child, pointer)...)
		}
	}
	if list, ok := value.([]any); ok {
		for i, child := range list {
			found = append(found, pointersTo(key, child, at+"/"+strconv.Itoa(i))...)
		}
	}
	return found
}

func lookUp(value any, pointer string) (any, bool) {
	for _, name := range strings.Split(pointer, "/")[1:] {
		object, ok := value.(map[string]any)
		if !ok {
			return nil, false
		}
		if value, ok = object[name]; !ok {
			return nil, false
		}
	}
	return value, true
}
