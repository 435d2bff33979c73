// Package tracing follows what a request leads to, through every module and
// process, as OpenTelemetry spans:
//
//	PUT /api/baskets/{id}/checkout            the request               SERVER
//	└─ create mallbots.baskets.v1.Basket…     a message, in its transaction  PRODUCER
//	   ├─ wait in the outbox                  until the relay took it   INTERNAL
//	   ├─ send MALLBOTS_BASKETS               until the stream had it   CLIENT
//	   └─ process mallbots.baskets.v1.Basket… until the handler's commit  CONSUMER
//	      └─ create mallbots.ordering.v1.…    and so on
//
// What happens to a message has the span that created it as its parent: its
// traceparent travels in the outbox row and in the header of the message, so
// that neither a crash nor another process breaks the trace.
//
// It is off until the environment says where traces go, in the variables that
// OpenTelemetry defines (see Open). Off is a nil *Tracer: its methods do nothing
// and allocate nothing. Spans hold ids, names and codes, never what a request, an
// event or an error says.
package tracing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// scope is what spans say they were made by.
const scope = "mallbots"

// Tracer makes spans. A nil one makes none.
type Tracer struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// Open returns a tracer that sends spans by OTLP over HTTP, or nil when the
// environment does not ask for that. It does when OTEL_TRACES_EXPORTER is otlp,
// or when that is not set and OTEL_EXPORTER_OTLP_ENDPOINT or
// OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is. OTEL_SERVICE_NAME (service when not
// set), OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER, OTEL_BSP_… and the other
// OTEL_EXPORTER_OTLP_… mean what OpenTelemetry says they do. A receiver that is
// away costs spans and a line in the log, nothing else.
//
// Errors name the variable that asks for what is not there.
func Open(ctx context.Context, service string, log *slog.Logger) (*Tracer, error) {
	on, err := wanted()
	if !on || err != nil {
		return nil, err
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("tracing: OTLP exporter: %w", err)
	}
	about, err := resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithAttributes(
			semconv.ServiceName(service), semconv.ServiceVersion(version()), semconv.ServiceInstanceID(uuid.NewString()),
		),
		resource.WithFromEnv(),
	)
	if err != nil {
		return nil, fmt.Errorf("tracing: OTEL_RESOURCE_ATTRIBUTES: %w; want name=value,name=value", err)
	}
	otel.SetErrorHandler(&complaints{log: log})
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))
	return &Tracer{provider: provider, tracer: provider.Tracer(scope)}, nil
}

// wanted reads whether and how traces are to be sent.
func wanted() (bool, error) {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") {
		return false, nil
	}
	switch exporter := os.Getenv("OTEL_TRACES_EXPORTER"); exporter {
	case "none":
		return false, nil
	case "":
		if os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" {
			return false, nil
		}
	case "otlp":
	default:
		return false, fmt.Errorf("tracing: OTEL_TRACES_EXPORTER=%q: want otlp or none", exporter)
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if protocol := os.Getenv(name); protocol != "" && protocol != "http/protobuf" {
			return false, fmt.Errorf("tracing: %s=%q: this binary speaks http/protobuf only; collectors take it on port 4318", name, protocol)
		}
	}
	return true, nil
}

// Close sends what is left, for two seconds at most.
func (t *Tracer) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("tracing: send the last spans: %w", err)
	}
	return nil
}

// version is that of the binary's main module.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// complaints logs what goes wrong with sending, at most once a minute.
type complaints struct {
	log  *slog.Logger
	mu   sync.Mutex
	last time.Time
}

// Handle implements otel.ErrorHandler.
func (c *complaints) Handle(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.last) < time.Minute {
		return
	}
	c.last = time.Now()
	c.log.Warn("tracing: spans were not sent", "error", err)
}
