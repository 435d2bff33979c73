// Prints the .proto files that ours import, from the descriptors linked into
// Go modules: the registry of buf is never asked.
module mallbots/internal/tools/vendorproto

go 1.26

require (
	buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go v1.36.12-20260825204119-511051f7f437.2 // indirect
	github.com/jhump/protoreflect/v2 v2.0.0-beta.2 // indirect
	google.golang.org/genproto/googleapis/api v0.0.0-20260819154853-08b0e4226688 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)
