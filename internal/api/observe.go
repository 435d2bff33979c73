package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"connectrpc.com/connect/v2"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"mallbots/internal/cause"
	"mallbots/internal/fault"
	"mallbots/internal/identity"
	"mallbots/internal/tracing"
)

// giveCause lets all that follows from a request say so.
func giveCause(next connect.ServerFunc) connect.ServerFunc {
	return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
		info, ok := connect.CallInfoForServerContext(ctx)
		if !ok {
			return next(ctx, spec, stream)
		}
		id, err := uuid.NewV7()
		if err != nil {
			return fmt.Errorf("make a request id: %w", err)
		}
		header := info.RequestHeader()
		c := cause.Cause{CausationID: id.String()}
		switch {
		case wellFormedID(header.Get(headerCorrelation)):
			c.CorrelationID = header.Get(headerCorrelation)
		case wellFormedID(header.Get(headerRequestID)):
			c.CorrelationID = header.Get(headerRequestID)
		default:
			c.CorrelationID = c.CausationID
		}
		if traceparent := header.Get(headerTraceparent); wellFormedTraceparent(traceparent) {
			c.Traceparent = traceparent
		}
		tracing.Procedure(ctx, spec.Procedure, info.Protocol, c.CorrelationID)
		info.ResponseHeader().Set(headerCorrelation, c.CorrelationID)
		return next(cause.With(ctx, c), spec, stream)
	}
}

// observe writes one line per request and measures it. It also words the error,
// so that what the caller is told, what is logged and what is counted agree.
func observe(log *slog.Logger, seconds *prometheus.HistogramVec) connect.ServerInterceptor {
	return func(next connect.ServerFunc) connect.ServerFunc {
		return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
			start := time.Now()
			who := &caller{}
			failure := next(context.WithValue(ctx, callerKey{}, who), spec, stream)
			took := time.Since(start)

			code, level, err := word(ctx, failure)
			seconds.WithLabelValues(spec.Procedure, code).Observe(took.Seconds())
			attributes := []slog.Attr{
				slog.String("procedure", spec.Procedure), slog.String("code", code), slog.Duration("duration", took),
			}
			if who.subject != "" {
				attributes = append(attributes, slog.String("actor", who.subject))
			}
			reason := ""
			if f, ok := fault.Of(err); ok {
				reason = f.Code
				attributes = append(attributes, slog.String("reason", reason))
			}
			tracing.Answered(ctx, code, reason, level > slog.LevelInfo)
			if level > slog.LevelInfo {
				attributes = append(attributes, slog.String("error", failure.Error()))
			}
			log.LogAttrs(ctx, level, "request", attributes...)
			return err
		}
	}
}

// caller is who asks, for the log: it is found out after the log has begun.
type caller struct{ subject string }

type callerKey struct{}

// noteCaller tells the log who asks.
func noteCaller(ctx context.Context, p identity.Principal) {
	if c, ok := ctx.Value(callerKey{}).(*caller); ok {
		c.subject = p.Subject
	}
}

// word returns the RPC code of a failure, how loud to log it, and the error
// that the caller gets.
func word(ctx context.Context, failure error) (string, slog.Level, error) {
	if failure == nil {
		return "ok", slog.LevelInfo, nil
	}
	f := classify(ctx, failure)
	if f == nil {
		code := connect.CodeCanceled
		var wire *connect.Error
		if errors.As(failure, &wire) {
			code = wire.Code()
		} else {
			failure = connect.NewError(code, "the caller went away").WithCause(failure)
		}
		return code.String(), slog.LevelInfo, failure
	}
	level := slog.LevelInfo
	switch f.Kind {
	case fault.Internal:
		level = slog.LevelError
		f = ErrInternal.With("%s", cause.From(ctx).CorrelationID)
	case fault.Unavailable:
		level = slog.LevelWarn
	case fault.Invalid, fault.Unauthenticated, fault.Forbidden, fault.NotFound, fault.Conflict,
		fault.Precondition, fault.Unprocessable, fault.TooMany:
	}
	setHeader(ctx, headerETag, "")
	wire := ToWire(f)
	return wire.Code().String(), level, wire
}

// catchPanic makes of a panic an internal error, with its stack in the log.
func catchPanic(log *slog.Logger) connect.ServerInterceptor {
	return func(next connect.ServerFunc) connect.ServerFunc {
		return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) (err error) {
			defer func() {
				if value := recover(); value != nil {
					err = fmt.Errorf("panic: %v", value)
					log.LogAttrs(ctx, slog.LevelError, "panic", slog.String("procedure", spec.Procedure), slog.Any("value", value),
						slog.String("stack", string(debug.Stack())))
				}
			}()
			return next(ctx, spec, stream)
		}
	}
}

// newHistogram returns where requests are measured: the same for all servers
// that share metrics.
func newHistogram(metrics prometheus.Registerer) *prometheus.HistogramVec {
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "mallbots_request_duration_seconds",
		Help:    "How long requests took, by procedure and RPC code.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"procedure", "code"})
	if metrics == nil {
		return seconds
	}
	var already prometheus.AlreadyRegisteredError
	switch err := metrics.Register(seconds); {
	case errors.As(err, &already):
		if existing, ok := already.ExistingCollector.(*prometheus.HistogramVec); ok {
			return existing
		}
	case err != nil:
		panic(err) // its name and labels are constants
	}
	return seconds
}

// wellFormedID reports whether id is fit for a header, a log line and a stored
// event: 1 to 128 letters, digits and -_.:
func wellFormedID(id string) bool {
	if id == "" || len(id) > 128 {
		return false
	}
	for _, c := range []byte(id) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.', c == ':':
		default:
			return false
		}
	}
	return true
}

// wellFormedTraceparent reports whether it is one of W3C Trace Context, version
// 00: version, trace, parent and flags in lower-case hexadecimal.
func wellFormedTraceparent(text string) bool {
	if len(text) != 55 || text[:3] != "00-" {
		return false
	}
	for i, c := range []byte(text) {
		if i == 2 || i == 35 || i == 52 {
			if c != '-' {
				return false
			}
			continue
		}
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
