package rest

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"connectrpc.com/connect/v2"
	"github.com/go-chi/chi/v5"
	"google.golang.org/protobuf/reflect/protoreflect"

	"mallbots/internal/fault"
)

// What is wrong with a request that no route is for.
var (
	ErrNoRoute  = fault.New(fault.NotFound, "ROUTE_UNKNOWN", "there is nothing at this path")
	ErrNoMethod = fault.New(fault.Invalid, "METHOD_NOT_ALLOWED", "this path knows other methods only; see the header Allow")
)

// Option changes how Mount serves.
type Option func(*transcoder)

// WithHeartbeat sets how often a quiet stream sends a comment, so that nobody
// on the way takes it for dead. It is 15 s else.
func WithHeartbeat(every time.Duration) Option {
	return func(t *transcoder) { t.heartbeat = every }
}

// WithBodyTimeout sets how long a caller may take to send the body of a request.
// It is BodyTimeout else.
func WithBodyTimeout(most time.Duration) Option {
	return func(t *transcoder) { t.bodyTimeout = most }
}

// WithDoor sets what stands before each route of a procedure.
func WithDoor(door func(procedure string, next http.Handler) http.Handler) Option {
	return func(t *transcoder) { t.door = door }
}

// BodyTimeout is how long a caller may take to send the body of a request.
const BodyTimeout = 30 * time.Second

// transcoder is what the routes share.
type transcoder struct {
	server      *connect.Server
	heartbeat   time.Duration
	bodyTimeout time.Duration
	door        func(procedure string, next http.Handler) http.Handler
}

// Mount registers a route on r for each annotation of each method of server,
// and answers what has no route with a problem: 404, or 405 where other methods
// do have one. Call it when all services are registered. It panics when an
// annotation makes no sense, which is a mistake in the proto.
func Mount(r chi.Router, server *connect.Server, options ...Option) {
	t := &transcoder{server: server, heartbeat: 15 * time.Second, bodyTimeout: BodyTimeout, door: func(_ string, next http.Handler) http.Handler { return next }}
	for _, option := range options {
		option(t)
	}
	for spec := range server.Specs() {
		method, ok := spec.Schema.(protoreflect.MethodDescriptor)
		if !ok || method.IsStreamingClient() {
			continue
		}
		bound, err := bindings(method)
		if err != nil {
			panic(err)
		}
		for _, b := range bound {
			handler := t.door(spec.Procedure, t.handler(spec, b, versionField(method.Output())))
			r.Method(b.Method, b.Path, handler)
			if b.Method == http.MethodGet && !method.IsStreamingServer() {
				r.Method(http.MethodHead, b.Path, handler)
			}
		}
	}
	r.NotFound(func(w http.ResponseWriter, req *http.Request) {
		WriteError(w, ErrNoRoute.With("%s", shorten(req.URL.Path)))
	})
	r.MethodNotAllowed(func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Allow", strings.Join(allowed(r, req), ", "))
		WriteFault(w, http.StatusMethodNotAllowed, ErrNoMethod.With("%s", fmt.Sprintf("%s %s", shorten(req.Method), shorten(req.URL.Path))))
	})
}

// handler serves one route.
func (t *transcoder) handler(spec connect.Spec, b binding, version []protoreflect.FieldDescriptor) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		info := &connect.CallInfo{Spec: spec, PeerAddr: r.RemoteAddr, Protocol: "rest", Codec: connect.CodecNameJSON}
		for name, values := range r.Header {
			info.RequestHeader().SetValues(name, values)
		}
		r.Body = http.MaxBytesReader(w, r.Body, MaxBody)
		if spec.StreamType == connect.StreamTypeUnary {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(t.bodyTimeout)) // where it can't be set, the server's holds
			t.serveUnary(w, r, spec.Procedure, info, &b)
			return
		}
		t.serveEvents(w, r, spec.Procedure, info, &b, version)
	})
}

// allowed are the methods that have a route at the path of req.
func allowed(r chi.Router, req *http.Request) []string {
	path := req.URL.Path
	if req.URL.RawPath != "" {
		path = req.URL.RawPath
	}
	if c := chi.RouteContext(req.Context()); c != nil && c.RoutePath != "" {
		path = c.RoutePath
	}
	var methods []string
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		if r.Match(chi.NewRouteContext(), method, path) {
			methods = append(methods, method)
		}
	}
	return methods
}
