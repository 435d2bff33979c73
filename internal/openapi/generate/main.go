// Command generate writes the OpenAPI 3.1 document of the mall's REST API. All
// that it says comes from the contracts in proto: routes from the google.api.http
// annotations, limits from the declared validations, words from the comments.
// Nothing is written by hand, so the document can't promise what the server
// does not do. Run it from the repository's root:
//
//	go run ./internal/openapi/generate
package main

import (
	"fmt"
	"os"

	"google.golang.org/protobuf/reflect/protoreflect"

	"mallbots/internal/contracts"
	basketsv1 "mallbots/proto/mallbots/baskets/v1"
	depotv1 "mallbots/proto/mallbots/depot/v1"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

// files are those whose services the document describes, in the order
// in which an order lives.
var files = []protoreflect.FileDescriptor{
	storesv1.File_mallbots_stores_v1_api_proto,
	basketsv1.File_mallbots_baskets_v1_api_proto,
	orderingv1.File_mallbots_ordering_v1_api_proto,
	depotv1.File_mallbots_depot_v1_api_proto,
}

func main() {
	text, err := generate("proto")
	if err == nil {
		err = os.WriteFile("internal/openapi/openapi.json", text, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "openapi:", err)
		os.Exit(1)
	}
}

// generate returns the document's bytes, the same for the same contracts. Root
// is the folder of the .proto files, which are read for their comments alone.
func generate(root string) ([]byte, error) {
	words, err := contracts.ReadComments(root, files)
	if err != nil {
		return nil, err
	}
	schemas := newSchemas(words)
	doc, err := describe(files, words, schemas)
	if err != nil {
		return nil, err
	}
	return encode(doc)
}
