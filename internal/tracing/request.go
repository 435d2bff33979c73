package tracing

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// methods are the HTTP methods that may be part of a span's name: anybody can
// invent others.
var methods = map[string]attribute.KeyValue{
	http.MethodGet: semconv.HTTPRequestMethodGet, http.MethodHead: semconv.HTTPRequestMethodHead,
	http.MethodPost: semconv.HTTPRequestMethodPost, http.MethodPut: semconv.HTTPRequestMethodPut,
	http.MethodPatch: semconv.HTTPRequestMethodPatch, http.MethodDelete: semconv.HTTPRequestMethodDelete,
	http.MethodOptions: semconv.HTTPRequestMethodOptions,
}

// Requests makes a span of each request that a chi router serves; use it as the
// router's first middleware. It continues the trace of a caller that sends
// traceparent. Query, body, headers and the caller's address are left out.
func (t *Tracer) Requests(next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method, known := methods[r.Method]
		name := r.Method
		if !known {
			method, name = semconv.HTTPRequestMethodOther, "HTTP"
		}
		ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		ctx, span := t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
			method, semconv.URLPath(r.URL.Path), semconv.URLScheme(scheme(r)),
			semconv.NetworkProtocolVersion(strconv.Itoa(r.ProtoMajor)),
		))
		defer span.End()
		response := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		next.ServeHTTP(response, r.WithContext(ctx))

		status := response.Status()
		if status == 0 {
			status = http.StatusOK
		}
		span.SetAttributes(semconv.HTTPResponseStatusCode(status))
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
		if route := chi.RouteContext(r.Context()); route != nil && route.RoutePattern() != "" {
			span.SetAttributes(semconv.HTTPRoute(route.RoutePattern()))
			span.SetName(named(name, route.RoutePattern()))
		}
	})
}

func scheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// named is the name of a request's span: its procedure, where the route is one,
// else method and route.
func named(method, route string) string {
	if strings.HasPrefix(route, "/mallbots.") && !strings.HasSuffix(route, "*") {
		return route[1:]
	}
	return method + " " + route
}

// Procedure says in the span of ctx which procedure the request calls, by which
// protocol: rest, connect, grpc or grpcweb.
func Procedure(ctx context.Context, procedure, protocol, correlation string) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(semconv.RPCMethod(strings.TrimPrefix(procedure, "/")), conversation.String(correlation))
	switch protocol {
	case "rest":
	case "grpc", "grpcweb":
		span.SetAttributes(semconv.RPCSystemNameGRPC)
	default:
		span.SetAttributes(semconv.RPCSystemNameConnectrpc)
	}
}

// Answered says in the span of ctx with which code the request was answered,
// and why: the code of a fault, or nothing. Broken is an error of ours.
func Answered(ctx context.Context, code, reason string, broken bool) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(semconv.RPCResponseStatusCode(code))
	if reason != "" {
		span.SetAttributes(semconv.ErrorTypeKey.String(reason))
	}
	if broken {
		span.SetStatus(codes.Error, "")
	}
}
