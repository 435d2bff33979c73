package api

import (
	"net/http"
	"strings"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"connectrpc.com/connect/v2/connectproto"
	"connectrpc.com/grpcreflect"
	"github.com/go-chi/chi/v5"

	"mallbots/internal/fault"
	"mallbots/internal/rest"
)

// Process is what the API tells of the process that serves it.
type Process struct {
	// Modules are the names of the modules that it runs.
	Modules []string
	// Ready returns nil when every part works, or what is wrong. Nil: always.
	Ready func() error
	// Door stands before all that a module answers: it passes a request on, holds
	// it, refuses it or sends it elsewhere. Nil: it is passed on.
	Door func(module string, next http.Handler, refuse Refuse) http.Handler
}

// Refuse answers a request with a fault, in the protocol that its caller speaks.
type Refuse func(w http.ResponseWriter, r *http.Request, f *fault.Error)

// Mount serves server on r in every way there is: gRPC, gRPC-Web and Connect
// under the names of the services, REST under /api, gRPC health and server
// reflection. What belongs to a module that this process does not run is
// answered by saying so. Call it when all services are registered.
func Mount(r chi.Router, server *connect.Server, process Process) {
	warmUp(server)
	rpc := subtreeMux{Router: r, unary: map[string]bool{}, door: func(_ string, next http.Handler) http.Handler { return next }}
	for spec := range server.Specs() {
		rpc.unary[spec.Procedure] = spec.StreamType == connect.StreamTypeUnary
	}
	json := connectproto.NewJSONCodec()
	json.MarshalOptions.EmitDefaultValues = true
	json.UnmarshalOptions.DiscardUnknown = false
	options := []connecthttp.Option{
		connecthttp.WithReadMaxBytes(rest.MaxBody),
		connecthttp.WithCompressMinBytes(1024),
		connecthttp.WithCodecs(connectproto.NewBinaryCodec(), json),
	}
	if process.Door != nil {
		refuse := newRefuse(options)
		rpc.door = func(procedure string, next http.Handler) http.Handler {
			return process.Door(ModuleOf(procedure), next, refuse)
		}
	}
	connecthttp.Mount(rpc, server, options...)
	connecthttp.Mount(rpc, newHealthServer(server, process.Ready), options...)

	reflector := grpcreflect.NewReflector(grpcreflect.NamerFunc(func() []string { return services(server) }),
		grpcreflect.WithDescriptorResolver(healthResolver{}))
	rpc.Handle(grpcreflect.NewHandlerV1(reflector))
	rpc.Handle(grpcreflect.NewHandlerV1Alpha(reflector))

	rest.Mount(r, server, rest.WithDoor(rpc.door))
	mountAbsent(r, process.Modules, options)
}

// NewHTTPServer returns a server for handler that speaks HTTP/1.1 and HTTP/2,
// with and without TLS, on one port, and that no slow or greedy caller can hold up. It has
// no timeout for writing: that would end the streams.
func NewHTTPServer(handler http.Handler) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true) // with TLS
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:           handler,
		Protocols:         protocols,
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
}

// warmUp compiles the rules of every request message, so that not the first
// caller waits for that.
func warmUp(server *connect.Server) {
	for spec := range server.Specs() {
		if message := newInput(spec); message != nil {
			_ = Validate(message) // what it says of a blank message is of no interest
		}
	}
}

// services are the names of the services of server, and the health service.
func services(server *connect.Server) []string {
	names := []string{healthService}
	seen := map[string]bool{}
	for spec := range server.Specs() {
		name, _, _ := strings.Cut(strings.TrimPrefix(spec.Procedure, "/"), "/")
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}

// subtreeMux lets chi understand what connecthttp registers: "/package.Service/"
// means all that begins so, which chi writes with a star. Besides, it limits how
// long the body of a unary request may take.
type subtreeMux struct {
	chi.Router
	unary map[string]bool // by procedure
	door  func(procedure string, next http.Handler) http.Handler
}

// Handle registers handler for pattern.
func (m subtreeMux) Handle(pattern string, handler http.Handler) {
	if strings.HasSuffix(pattern, "/") {
		pattern += "*"
	}
	if ModuleOf(pattern) != "" {
		handler = m.door(pattern, handler)
	}
	if !m.unary[pattern] {
		m.Router.Handle(pattern, handler)
		return
	}
	m.Router.Handle(pattern, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(rest.BodyTimeout)) // where it can't be set, the server's holds
		handler.ServeHTTP(w, r)
	}))
}
