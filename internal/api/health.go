package api

import (
	"context"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// healthService is the name that every gRPC client knows.
const healthService = "grpc.health.v1.Health"

// The values of grpc.health.v1.HealthCheckResponse.ServingStatus.
const (
	healthServing    protoreflect.EnumNumber = 1
	healthNotServing protoreflect.EnumNumber = 2
	healthUnknown    protoreflect.EnumNumber = 3
)

// healthEvery is how often a watch looks.
const healthEvery = 500 * time.Millisecond

// healthFile describes the health protocol. It is not put into the registry of
// the process, where another library may have put it already under the same
// name.
var healthFile = newHealthFile()

// newHealthServer answers whether the process is ready, beside server and
// without its interceptors: a health check is neither logged nor refused.
func newHealthServer(server *connect.Server, ready func() error) *connect.Server {
	h := &health{ready: ready, known: map[string]bool{"": true}}
	for _, name := range services(server) {
		h.known[name] = true
	}
	methods := healthFile.Services().Get(0).Methods()
	own := connect.NewServer()
	own.Register(
		connect.Method{Handler: h.check, Spec: connect.Spec{
			StreamType: connect.StreamTypeUnary, Schema: methods.ByName("Check"), Procedure: "/" + healthService + "/Check",
		}},
		connect.Method{Handler: h.watch, Spec: connect.Spec{
			StreamType: connect.StreamTypeServer, Schema: methods.ByName("Watch"), Procedure: "/" + healthService + "/Watch",
		}},
	)
	return own
}

type health struct {
	ready func() error
	known map[string]bool
}

// check answers once.
func (h *health) check(_ context.Context, _ connect.Spec, stream connect.ServerStream) error {
	status, err := h.receive(stream)
	if err != nil {
		return err
	}
	if status() == healthUnknown {
		return connect.NewError(connect.CodeNotFound, "unknown service")
	}
	return stream.Send(healthResponse(status()))
}

// watch answers now and at each change.
func (h *health) watch(ctx context.Context, _ connect.Spec, stream connect.ServerStream) error {
	status, err := h.receive(stream)
	if err != nil {
		return err
	}
	ticker := time.NewTicker(healthEvery)
	defer ticker.Stop()
	var last protoreflect.EnumNumber
	for {
		if now := status(); now != last {
			last = now
			if err := stream.Send(healthResponse(now)); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// receive reads the name of the service that is asked for, and returns what
// tells its status.
func (h *health) receive(stream connect.ServerStream) (func() protoreflect.EnumNumber, error) {
	request := dynamicpb.NewMessage(healthFile.Messages().ByName("HealthCheckRequest"))
	if err := stream.Receive(request); err != nil {
		return nil, err
	}
	service := request.Get(request.Descriptor().Fields().ByName("service")).String()
	return func() protoreflect.EnumNumber {
		switch {
		case !h.known[service]:
			return healthUnknown
		case h.ready == nil || h.ready() == nil:
			return healthServing
		}
		return healthNotServing
	}, nil
}

func healthResponse(status protoreflect.EnumNumber) proto.Message {
	response := dynamicpb.NewMessage(healthFile.Messages().ByName("HealthCheckResponse"))
	response.Set(response.Descriptor().Fields().ByName("status"), protoreflect.ValueOfEnum(status))
	return response
}

// newHealthFile is grpc/health/v1/health.proto.
func newHealthFile() protoreflect.FileDescriptor {
	optional := descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()
	value := func(name string, number int32) *descriptorpb.EnumValueDescriptorProto {
		return &descriptorpb.EnumValueDescriptorProto{Name: proto.String(name), Number: proto.Int32(number)}
	}
	method := func(name string, stream bool) *descriptorpb.MethodDescriptorProto {
		return &descriptorpb.MethodDescriptorProto{
			Name: proto.String(name), InputType: proto.String(".grpc.health.v1.HealthCheckRequest"),
			OutputType: proto.String(".grpc.health.v1.HealthCheckResponse"), ServerStreaming: proto.Bool(stream),
		}
	}
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("grpc/health/v1/health.proto"), Package: proto.String("grpc.health.v1"), Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{
			{Name: proto.String("HealthCheckRequest"), Field: []*descriptorpb.FieldDescriptorProto{{
				Name: proto.String("service"), Number: proto.Int32(1), Label: optional,
				Type: descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(), JsonName: proto.String("service"),
			}}},
			{Name: proto.String("HealthCheckResponse"), Field: []*descriptorpb.FieldDescriptorProto{{
				Name: proto.String("status"), Number: proto.Int32(1), Label: optional,
				Type: descriptorpb.FieldDescriptorProto_TYPE_ENUM.Enum(), JsonName: proto.String("status"),
				TypeName: proto.String(".grpc.health.v1.HealthCheckResponse.ServingStatus"),
			}}, EnumType: []*descriptorpb.EnumDescriptorProto{{
				Name:  proto.String("ServingStatus"),
				Value: []*descriptorpb.EnumValueDescriptorProto{value("UNKNOWN", 0), value("SERVING", 1), value("NOT_SERVING", 2), value("SERVICE_UNKNOWN", 3)},
			}}},
		},
		Service: []*descriptorpb.ServiceDescriptorProto{{
			Name: proto.String("Health"), Method: []*descriptorpb.MethodDescriptorProto{method("Check", false), method("Watch", true)},
		}},
	}, nil)
	if err != nil {
		panic(err) // it is a constant
	}
	return file
}

// healthResolver finds the health protocol besides what the process has
// registered, for reflection.
type healthResolver struct{}

// FindFileByPath finds a file by its path.
func (healthResolver) FindFileByPath(path string) (protoreflect.FileDescriptor, error) {
	if path == healthFile.Path() {
		return healthFile, nil
	}
	return protoregistry.GlobalFiles.FindFileByPath(path)
}

// FindDescriptorByName finds a message, an enum or a service by its name.
func (healthResolver) FindDescriptorByName(name protoreflect.FullName) (protoreflect.Descriptor, error) {
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
	if err == nil || name.Parent() != healthFile.Package() {
		return found, err
	}
	for _, d := range []protoreflect.Descriptor{healthFile.Services().Get(0), healthFile.Messages().Get(0), healthFile.Messages().Get(1)} {
		if d.FullName() == name {
			return d, nil
		}
	}
	return nil, protoregistry.NotFound
}
