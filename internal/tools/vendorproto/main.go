// Command vendorproto writes the .proto files that the contracts import but do
// not own (google.api and buf.validate), so that they are linted and compiled
// without a network. It prints them from the descriptors linked into this
// program, which are those of the versions in its go.mod; comments are lost.
//
//	cd internal/tools/vendorproto && go run . ../../third_party/proto
package main

import (
	"fmt"
	"os"
	"path/filepath"

	_ "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"github.com/jhump/protoreflect/v2/protoprint"
	_ "google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// files are what the contracts import, and what these import in turn.
var files = []string{
	"google/api/http.proto",
	"google/api/annotations.proto",
	"buf/validate/validate.proto",
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: vendorproto DIRECTORY")
		os.Exit(2)
	}
	for _, name := range files {
		if err := write(os.Args[1], name); err != nil {
			fmt.Fprintln(os.Stderr, "vendorproto:", err)
			os.Exit(1)
		}
	}
}

// write prints the linked file of that name below root.
func write(root, name string) error {
	file, err := protoregistry.GlobalFiles.FindFileByPath(name)
	if err != nil {
		return fmt.Errorf("%s is not linked in: %w", name, err)
	}
	text, err := new(protoprint.Printer).PrintProtoToString(file)
	if err != nil {
		return fmt.Errorf("print %s: %w", name, err)
	}
	path := filepath.Join(root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}
