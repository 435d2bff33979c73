package rest

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// frameTimeout is how long the caller of a stream may take to accept one event.
const frameTimeout = 30 * time.Second

// events is the stream of one request and many responses.
type events struct {
	request    *http.Request
	binding    *binding
	info       *connect.CallInfo
	version    []protoreflect.FieldDescriptor
	received   bool
	writer     http.ResponseWriter
	controller *http.ResponseController

	mu      sync.Mutex // heartbeats come from beside
	started bool
}

// serveEvents answers one request with server-sent events, until the method
// returns or the caller goes.
func (t *transcoder) serveEvents(w http.ResponseWriter, r *http.Request, procedure string, info *connect.CallInfo, b *binding, version []protoreflect.FieldDescriptor) {
	stream := &events{request: r, binding: b, info: info, version: version, writer: w, controller: http.NewResponseController(w)}
	_ = stream.controller.SetReadDeadline(time.Time{}) // the server's is for requests, not for streams

	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		stream.beat(t.heartbeat, done)
	}()
	err := t.server.Call(r.Context(), procedure, info, stream)
	close(done)
	<-stopped

	switch {
	case !stream.started && err != nil:
		copyHeader(w.Header(), info.ResponseHeader())
		WriteError(w, err)
	case !stream.started:
		stream.start()
	case err != nil && r.Context().Err() == nil:
		_ = stream.write(fmt.Appendf(nil, "event: error\ndata: %s\n", problemOf(err).encode()))
	}
}

// Receive decodes the request, once.
func (e *events) Receive(message any) error {
	target, ok := message.(proto.Message)
	switch {
	case e.received:
		return io.EOF
	case !ok:
		return fmt.Errorf("rest: %T is no protobuf message", message)
	}
	e.received = true
	return e.binding.decode(e.request, target)
}

// SendHeaders begins the answer.
func (e *events) SendHeaders() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.start()
	return e.controller.Flush()
}

// Send writes one event.
func (e *events) Send(message any) error {
	data, err := encode(message)
	if err != nil {
		return err
	}
	var frame []byte
	if m, ok := message.(proto.Message); ok && e.version != nil {
		frame = fmt.Appendf(frame, "id: %d\n", versionOf(m.ProtoReflect(), e.version))
	}
	return e.write(fmt.Appendf(frame, "data: %s\n\n", data))
}

func (e *events) write(frame []byte) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.start()
	_ = e.controller.SetWriteDeadline(time.Now().Add(frameTimeout)) // where it can't be set, the server's holds
	if _, err := e.writer.Write(frame); err != nil {
		return connect.NewError(connect.CodeCanceled, "the caller went away").WithCause(err)
	}
	if err := e.controller.Flush(); err != nil {
		return connect.NewError(connect.CodeCanceled, "the caller went away").WithCause(err)
	}
	return nil
}

// start writes the status and headers, the first time.
func (e *events) start() {
	if e.started {
		return
	}
	e.started = true
	header := e.writer.Header()
	copyHeader(header, e.info.ResponseHeader())
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no")
	e.writer.WriteHeader(http.StatusOK)
}

// beat sends a comment now and then, once the answer has begun.
func (e *events) beat(every time.Duration, done <-chan struct{}) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
		}
		e.mu.Lock()
		started := e.started
		e.mu.Unlock()
		if started && e.write([]byte(": still here\n\n")) != nil {
			return
		}
	}
}

// versionField is where the version of a message is: its field version, or that
// of the one message in it. Nil when there is none.
func versionField(message protoreflect.MessageDescriptor) []protoreflect.FieldDescriptor {
	if field := message.Fields().ByName("version"); field != nil && field.Kind() == protoreflect.Int64Kind && !field.IsList() {
		return []protoreflect.FieldDescriptor{field}
	}
	if message.Fields().Len() != 1 {
		return nil
	}
	only := message.Fields().Get(0)
	if only.Message() == nil || only.IsList() || only.IsMap() {
		return nil
	}
	field := only.Message().Fields().ByName("version")
	if field == nil || field.Kind() != protoreflect.Int64Kind || field.IsList() {
		return nil
	}
	return []protoreflect.FieldDescriptor{only, field}
}

func versionOf(message protoreflect.Message, fields []protoreflect.FieldDescriptor) int64 {
	for _, field := range fields[:len(fields)-1] {
		message = message.Get(field).Message()
	}
	return message.Get(fields[len(fields)-1]).Int()
}
