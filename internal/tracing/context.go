package tracing

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"mallbots/internal/fault"
)

// Span is a span that has begun; nil when there is none.
type Span = trace.Span

// Traceparent is the W3C trace context of the span in ctx, empty without one.
func Traceparent(ctx context.Context) string {
	return traceparent(trace.SpanContextFromContext(ctx))
}

func traceparent(sc trace.SpanContext) string {
	if !sc.IsValid() {
		return ""
	}
	return "00-" + sc.TraceID().String() + "-" + sc.SpanID().String() + "-" + sc.TraceFlags().String()
}

// remote is ctx with the span that a traceparent names as the one to continue.
// One that is not well formed is none.
func remote(ctx context.Context, traceparent string) context.Context {
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": traceparent})
}

// End ends a span with its outcome. The code of a fault is told, the text of an
// error is not: it can hold what somebody wrote.
func End(span Span, err error) {
	if span == nil {
		return
	}
	if err != nil {
		span.SetStatus(codes.Error, "")
		span.SetAttributes(errorType(err))
	}
	span.End()
}

// errorType is the kind of an error in one word.
func errorType(err error) attribute.KeyValue {
	if f, ok := fault.Of(err); ok {
		return semconv.ErrorTypeKey.String(f.Code)
	}
	return semconv.ErrorTypeOther
}
