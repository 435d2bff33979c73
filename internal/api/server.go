package api

import (
	"context"
	"log/slog"
	"time"

	"connectrpc.com/connect/v2"
	"github.com/prometheus/client_golang/prometheus"

	"mallbots/internal/identity"
	"mallbots/internal/tracing"
)

// Options are what a server needs to know. The zero value works.
type Options struct {
	// Log gets one line per request; slog.Default when nil.
	Log *slog.Logger
	// Metrics is where mallbots_request_duration_seconds is registered; nowhere when nil.
	Metrics prometheus.Registerer
	// Await waits until module has applied message sequence of key from the
	// module source, and reports whether it has by the deadline of ctx. When nil,
	// nothing is waited for.
	Await func(ctx context.Context, module, source, key string, sequence int64) (bool, error)
	// Authenticate says who asks, by the values of the header Authorization; none
	// is a visitor. When nil nobody is asked, and everybody may do everything.
	Authenticate func(ctx context.Context, authorization []string) (identity.Principal, error)
	// Rates are how many requests are taken of each principal and each address.
	Rates Rates
	// Admit says why a module can take no change at the moment, nil when it can.
	// When nil, all are taken.
	Admit func(module string) error
	// InFlight is how many requests are served at a time, and how many streams
	// besides; the next one is refused. 1024 when 0.
	InFlight int
	// Deadline is how long a request may take; 15 s when 0. Streams have none.
	Deadline time.Duration
	// Stopping ends the streams when it is closed, so that a server that shuts
	// down need not wait for their callers.
	Stopping <-chan struct{}
}

// NewServer returns a server without methods, whose interceptors do for each
// request, in this order: give it a cause and a correlation id; log, measure,
// and word its error; catch its panic; refuse it when there are too many; limit
// its time; find out who asks; validate its message; hold it against the policy
// of its RPC; wait for what Mallbots-After names; note If-Match and
// Idempotency-Key.
func NewServer(options Options) *connect.Server {
	if options.Log == nil {
		options.Log = slog.Default()
	}
	options.Log = tracing.Logs(options.Log)
	if options.InFlight == 0 {
		options.InFlight = 1024
	}
	if options.Deadline == 0 {
		options.Deadline = 15 * time.Second
	}
	return connect.NewServer(
		giveCause,
		observe(options.Log, newHistogram(options.Metrics)),
		catchPanic(options.Log),
		limit(options.InFlight),
		limitTime(options.Deadline, options.Stopping),
		authenticate(options.Authenticate, newRates(options.Rates)),
		validateMessages,
		authorize(),
		awaitPositions(options.Await),
		readHeaders(options.Admit),
	)
}
