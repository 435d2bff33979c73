package rest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// unary is the stream of one request and one response.
type unary struct {
	request  *http.Request
	binding  *binding
	received bool
	response []byte
}

// serveUnary answers one request with one object.
func (t *transcoder) serveUnary(w http.ResponseWriter, r *http.Request, procedure string, info *connect.CallInfo, b *binding) {
	stream := &unary{request: r, binding: b}
	err := t.server.Call(r.Context(), procedure, info, stream)
	copyHeader(w.Header(), info.ResponseHeader())
	if err != nil {
		WriteError(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(stream.response)))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(stream.response) // the caller may have gone
}

// Receive decodes the request, once.
func (u *unary) Receive(message any) error {
	target, ok := message.(proto.Message)
	switch {
	case u.received:
		return io.EOF
	case !ok:
		return fmt.Errorf("rest: %T is no protobuf message", message)
	}
	u.received = true
	return u.binding.decode(u.request, target)
}

// SendHeaders does nothing: an error may still change the status.
func (u *unary) SendHeaders() error { return nil }

// Send encodes the response. It is written when the method has returned.
func (u *unary) Send(message any) (err error) {
	u.response, err = encode(message)
	return err
}

// encode is the JSON of a message, always the same for the same message, with
// the fields at their default value.
func encode(message any) ([]byte, error) {
	m, ok := message.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("rest: %T is no protobuf message", message)
	}
	data, err := protojson.MarshalOptions{EmitDefaultValues: true}.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", m.ProtoReflect().Descriptor().FullName(), err)
	}
	var compact bytes.Buffer // protojson puts spaces where it likes
	compact.Grow(len(data))
	if err := json.Compact(&compact, data); err != nil {
		return nil, fmt.Errorf("encode %s: %w", m.ProtoReflect().Descriptor().FullName(), err)
	}
	return compact.Bytes(), nil
}

func copyHeader(target http.Header, source *connect.Header) {
	for name, values := range source.All() {
		target[name] = values
	}
}
