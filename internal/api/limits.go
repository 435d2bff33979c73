package api

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"connectrpc.com/connect/v2"

	"mallbots/internal/fault"
)

// What a server at its limits answers.
var (
	ErrOverloaded = fault.New(fault.Unavailable, "OVERLOADED", "the server is at work on as many requests as it can take; try again in a moment")
	ErrStreams    = fault.New(fault.TooMany, "TOO_MANY_STREAMS", "too many streams are open; close one, or try again later")
	ErrStopping   = fault.New(fault.Unavailable, "STOPPING", "the server is shutting down; connect again")
)

// limit refuses what goes beyond so many requests, and so many streams, at a
// time: a queue that grows helps nobody.
func limit(most int) connect.ServerInterceptor {
	var requests, streams atomic.Int64
	return func(next connect.ServerFunc) connect.ServerFunc {
		return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
			count, refusal := &requests, ErrOverloaded
			if spec.StreamType != connect.StreamTypeUnary {
				count, refusal = &streams, ErrStreams
			}
			defer count.Add(-1)
			if count.Add(1) > int64(most) {
				return refusal
			}
			return next(ctx, spec, stream)
		}
	}
}

// limitTime gives a request its deadline; the caller's own may be earlier. A
// stream goes on until its caller, or the server, has had enough.
func limitTime(most time.Duration, stopping <-chan struct{}) connect.ServerInterceptor {
	return func(next connect.ServerFunc) connect.ServerFunc {
		return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
			if spec.StreamType == connect.StreamTypeUnary {
				ctx, cancel := context.WithTimeout(ctx, most)
				defer cancel()
				return inTime(ctx, next(ctx, spec, stream))
			}
			ctx, cancel := context.WithCancelCause(ctx)
			defer cancel(nil)
			moving, _ := ctx.Value(stoppingKey{}).(<-chan struct{})
			go func() {
				select {
				case <-stopping: // never, when there is none
					cancel(ErrStopping)
				case <-moving:
					cancel(ErrStopping)
				case <-ctx.Done():
				}
			}()
			err := next(ctx, spec, stream)
			if _, named := fault.Of(err); !named && errors.Is(context.Cause(ctx), ErrStopping) {
				return ErrStopping
			}
			return err
		}
	}
}

type stoppingKey struct{}

// WithStopping returns a context whose stream is ended when stopping is closed,
// so that its caller connects again: the module stops, and not the server.
func WithStopping(ctx context.Context, stopping <-chan struct{}) context.Context {
	return context.WithValue(ctx, stoppingKey{}, stopping)
}

// inTime names a failure after the deadline for what it is: drivers word an
// interrupted call in their own ways.
func inTime(ctx context.Context, err error) error {
	if err == nil || !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return err
	}
	if _, ok := fault.Of(err); ok {
		return err
	}
	return ErrDeadline
}
