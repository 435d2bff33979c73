package asyncapi_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

const repository = "../.."

// TestTheDocumentIsAsyncAPI holds docs/asyncapi.json against the schema of
// AsyncAPI 3.0, and shows that the schema bites.
func TestTheDocumentIsAsyncAPI(t *testing.T) {
	compiler := jsonschema.NewCompiler()
	const name = "http://asyncapi.com/definitions/3.0.0/asyncapi.json"
	require.NoError(t, compiler.AddResource(name, parse(t, "testdata/third_party/asyncapi-3.0.0.schema.json")))
	schema, err := compiler.Compile(name)
	require.NoError(t, err)
	require.NoError(t, schema.Validate(document(t)))

	for mistake, make := range map[string]func(doc map[string]any){
		"a version that is none":         func(doc map[string]any) { doc["asyncapi"] = "2.0" },
		"an action that is none":         func(doc map[string]any) { first(doc, "operations")["action"] = "shout" },
		"an operation without a channel": func(doc map[string]any) { delete(first(doc, "operations"), "channel") },
		"a channel with a wrong word":    func(doc map[string]any) { first(doc, "channels")["adress"] = "x" },
	} {
		doc := document(t)
		make(doc)
		require.Error(t, schema.Validate(doc), mistake)
	}
}

// TestEveryReferenceLeadsSomewhere resolves what the schema cannot.
func TestEveryReferenceLeadsSomewhere(t *testing.T) {
	doc := document(t)
	found := references(doc)
	require.NotEmpty(t, found)
	for _, pointer := range found {
		var at any = doc
		for _, key := range strings.Split(strings.TrimPrefix(pointer, "#/"), "/") {
			object, ok := at.(map[string]any)
			require.True(t, ok && object[key] != nil, "%s leads nowhere", pointer)
			at = object[key]
		}
	}
}

// TestEveryPublishedEventFitsItsSchema holds what the tests of the modules made
// them publish against the payloads of the document.
func TestEveryPublishedEventFitsItsSchema(t *testing.T) {
	compiler := jsonschema.NewCompiler()
	require.NoError(t, compiler.AddResource("asyncapi.json", document(t)))
	messages := document(t)["components"].(map[string]any)["messages"].(map[string]any)
	goldens, err := filepath.Glob(repository + "/*/testdata/published.golden")
	require.NoError(t, err)
	require.Len(t, goldens, 4)
	fitted := map[string]bool{}
	for _, golden := range goldens {
		text, err := os.ReadFile(golden)
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			parts := strings.SplitN(line, " ", 3)
			id := strings.TrimPrefix(parts[1], "mallbots.")
			require.Contains(t, messages, id)
			schema, err := compiler.Compile("asyncapi.json#/components/schemas/" + id)
			require.NoError(t, err)
			event, err := jsonschema.UnmarshalJSON(strings.NewReader(parts[2]))
			require.NoError(t, err)
			require.NoError(t, schema.Validate(event), line)
			for field := range event.(map[string]any) {
				require.Contains(t, schema.Properties, field, "%s: the document does not know %s", line, field)
			}
			event.(map[string]any)["orderId"] = 7
			event.(map[string]any)["customerId"] = 7
			event.(map[string]any)["storeId"] = 7
			event.(map[string]any)["productId"] = 7
			require.Error(t, schema.Validate(event), "the schema of %s takes anything", id)
			fitted[id] = true
		}
	}
	require.Len(t, fitted, len(messages), "an event of the document is published by no test")
}

// document is docs/asyncapi.json.
func document(t *testing.T) map[string]any {
	t.Helper()
	return parse(t, repository+"/docs/asyncapi.json").(map[string]any)
}

func parse(t *testing.T, name string) any {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	return value
}

// first is one of the objects of a part of the document.
func first(doc map[string]any, part string) map[string]any {
	for _, object := range doc[part].(map[string]any) {
		return object.(map[string]any)
	}
	return nil
}

// references are the values of every $ref.
func references(value any) []string {
	var found []string
	switch value := value.(type) {
	case map[string]any:
		for key, child := range value {
			if pointer, ok := child.(string); ok && key == "$ref" {
				found = append(found, pointer)
			}
			found = append(found, references(child)...)
		}
	case []any:
		for _, child := range value {
			found = append(found, references(child)...)
		}
	}
	return found
}
