package tracing

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel/trace"

	"mallbots/internal/cause"
)

// logs adds to each line whom it belongs to.
type logs struct{ slog.Handler }

// Logs has every line whose context is a request's or a message's say so:
// correlation_id, and trace_id and span_id when there is a trace. Without a span
// of our own, trace_id is the caller's.
func Logs(log *slog.Logger) *slog.Logger {
	if _, already := log.Handler().(logs); already {
		return log
	}
	return slog.New(logs{log.Handler()})
}

// Handle implements slog.Handler.
func (l logs) Handle(ctx context.Context, line slog.Record) error {
	why := cause.From(ctx)
	if why.CorrelationID != "" {
		line.AddAttrs(slog.String("correlation_id", why.CorrelationID))
	}
	switch sc := trace.SpanContextFromContext(ctx); {
	case sc.IsValid():
		line.AddAttrs(slog.String("trace_id", sc.TraceID().String()), slog.String("span_id", sc.SpanID().String()))
	case len(why.Traceparent) == len("00-")+32+len("-")+16+len("-01"):
		line.AddAttrs(slog.String("trace_id", why.Traceparent[3:35]))
	}
	return l.Handler.Handle(ctx, line)
}

// WithAttrs implements slog.Handler.
func (l logs) WithAttrs(attributes []slog.Attr) slog.Handler {
	return logs{l.Handler.WithAttrs(attributes)}
}

// WithGroup implements slog.Handler.
func (l logs) WithGroup(name string) slog.Handler { return logs{l.Handler.WithGroup(name)} }
