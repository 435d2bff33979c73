package api

import (
	"context"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"mallbots/internal/eventsourcing"
	"mallbots/internal/fault"
	"mallbots/internal/rest"
)

// What is wrong with the headers of a request.
var (
	ErrIfMatch         = fault.New(fault.Invalid, "IF_MATCH_MALFORMED", `If-Match must be one ETag as a response gave it, such as "3", or *`)
	ErrAfter           = fault.New(fault.Invalid, "MALLBOTS_AFTER_MALFORMED", "Mallbots-After must be <module>/<key>@<sequence>, as Mallbots-Position gave it")
	ErrNotYetCaughtUp  = fault.New(fault.Unavailable, "NOT_YET_CAUGHT_UP", "this module has not yet applied what Mallbots-After names; try again in a moment")
	awaitAtMost        = 2 * time.Second
	mostAfterPositions = 32
)

// awaitPositions holds a request until the module has caught up with the
// positions in Mallbots-After.
func awaitPositions(await func(ctx context.Context, module, source, key string, sequence int64) (bool, error)) connect.ServerInterceptor {
	return func(next connect.ServerFunc) connect.ServerFunc {
		return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
			info, ok := connect.CallInfoForServerContext(ctx)
			if !ok || !info.RequestHeader().Has(headerAfter) {
				return next(ctx, spec, stream)
			}
			positions, err := parseAfter(info.RequestHeader().Values(headerAfter))
			if err != nil {
				return err
			}
			if await != nil {
				if err := awaitAll(ctx, await, ModuleOf(spec.Procedure), positions); err != nil {
					return err
				}
			}
			return next(ctx, spec, stream)
		}
	}
}

// awaitAll waits for all positions, for one span of time.
func awaitAll(ctx context.Context, await func(ctx context.Context, module, source, key string, sequence int64) (bool, error), module string, positions []position) error {
	ctx, cancel := context.WithTimeout(ctx, awaitAtMost)
	defer cancel()
	for _, p := range positions {
		applied, err := await(ctx, module, p.source, p.key, p.sequence)
		if err != nil && ctx.Err() == nil {
			return err
		}
		if !applied {
			return ErrNotYetCaughtUp.With("%s/%s@%d", p.source, p.key, p.sequence)
		}
	}
	return nil
}

// position is a message on a module's stream, by its place among those of the
// same key.
type position struct {
	source, key string
	sequence    int64
}

// parseAfter reads the values of Mallbots-After.
func parseAfter(values []string) ([]position, error) {
	var positions []position
	for _, value := range values {
		for text := range strings.SplitSeq(value, ",") {
			text = strings.TrimSpace(text)
			source, rest, ok := strings.Cut(text, "/")
			at := strings.LastIndexByte(rest, '@')
			if !ok || source == "" || at < 1 {
				return nil, ErrAfter
			}
			sequence, err := strconv.ParseInt(rest[at+1:], 10, 64)
			if err != nil || sequence < 1 || !wellFormedKey(source) || !wellFormedKey(rest[:at]) || len(positions) == mostAfterPositions {
				return nil, ErrAfter
			}
			positions = append(positions, position{source, rest[:at], sequence})
		}
	}
	return positions, nil
}

// ModuleOf is the module that serves a procedure: "stores" for
// "/mallbots.stores.v1.StoresService/GetStore".
func ModuleOf(procedure string) string {
	rest, ok := strings.CutPrefix(procedure, "/mallbots.")
	if !ok {
		return ""
	}
	module, _, _ := strings.Cut(rest, ".")
	return module
}

// readHeaders notes the Idempotency-Key and the If-Match of a request. The
// latter belongs to the aggregate that the id of the request names.
func readHeaders(admit func(module string) error) connect.ServerInterceptor {
	inFlight := new(sync.Map)
	return func(next connect.ServerFunc) connect.ServerFunc {
		return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
			r := &request{procedure: spec.Procedure, inFlight: inFlight, admit: admit}
			info, ok := connect.CallInfoForServerContext(ctx)
			if ok && info.RequestHeader().Has(headerKey) {
				r.key = info.RequestHeader().Get(headerKey)
				if !wellFormedKey(r.key) {
					return ErrKeyMalformed
				}
			}
			ctx = context.WithValue(ctx, requestKey{}, r)
			if !ok || !info.RequestHeader().Has(headerIfMatch) {
				return next(ctx, spec, stream)
			}
			version, wanted, err := parseIfMatch(info.RequestHeader().Values(headerIfMatch))
			if err != nil {
				return err
			}
			if !wanted {
				return next(ctx, spec, stream)
			}
			replay, id, err := receiveFirst(spec, stream)
			if err != nil {
				return err
			}
			if id != "" {
				ctx = eventsourcing.WithPrecondition(ctx, id, version)
			}
			return next(ctx, spec, replay)
		}
	}
}

// parseIfMatch reads the version that the caller has seen, and whether it
// wants that one and no other.
func parseIfMatch(values []string) (version int64, wanted bool, err error) {
	if len(values) != 1 {
		return 0, false, ErrIfMatch
	}
	text := strings.TrimSpace(values[0])
	if text == "*" {
		return 0, false, nil
	}
	if len(text) < 3 || text[0] != '"' || text[len(text)-1] != '"' {
		return 0, false, ErrIfMatch
	}
	version, err = strconv.ParseInt(text[1:len(text)-1], 10, 64)
	if err != nil || version < 0 {
		return 0, false, ErrIfMatch
	}
	return version, true, nil
}

// wellFormedKey reports whether key is 1 to 255 visible ASCII characters.
func wellFormedKey(key string) bool {
	if key == "" || len(key) > 255 {
		return false
	}
	for _, c := range []byte(key) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}

// receiveFirst reads the request message before the method asks for it, to know
// its id, and returns a stream that gives it out again.
func receiveFirst(spec connect.Spec, stream connect.ServerStream) (connect.ServerStream, string, error) {
	message := newInput(spec)
	if message == nil {
		return stream, "", nil
	}
	if err := stream.Receive(message); err != nil {
		return nil, "", err
	}
	id := ""
	if method, ok := spec.Schema.(protoreflect.MethodDescriptor); ok {
		if field := idField(method); field != nil {
			id = message.ProtoReflect().Get(field).String()
		}
	}
	return &replayStream{ServerStream: stream, first: message}, id, nil
}

// newInput returns a blank request message of a method, nil for a method
// without generated types.
func newInput(spec connect.Spec) proto.Message {
	method, ok := spec.Schema.(protoreflect.MethodDescriptor)
	if !ok {
		return nil
	}
	kind, err := protoregistry.GlobalTypes.FindMessageByName(method.Input().FullName())
	if err != nil {
		return nil
	}
	return kind.New().Interface()
}

// idField is the field that names the aggregate: id, or what the path starts
// with when it is called otherwise.
func idField(method protoreflect.MethodDescriptor) protoreflect.FieldDescriptor {
	field := method.Input().Fields().ByName("id")
	if field == nil {
		if names := rest.PathFields(method); len(names) > 0 {
			field = method.Input().Fields().ByName(protoreflect.Name(names[0]))
		}
	}
	if field == nil || field.Kind() != protoreflect.StringKind || field.IsList() {
		return nil
	}
	return field
}

type replayStream struct {
	connect.ServerStream
	first proto.Message
}

// Receive gives out the first message again, then what follows.
func (s *replayStream) Receive(message any) error {
	if s.first == nil {
		return s.ServerStream.Receive(message)
	}
	target, ok := message.(proto.Message)
	if !ok {
		return io.ErrUnexpectedEOF
	}
	proto.Merge(target, s.first)
	s.first = nil
	return nil
}
