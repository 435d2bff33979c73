package tracing_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"

	"mallbots/internal/cause"
	"mallbots/internal/fault"
	"mallbots/internal/tracing"
	"mallbots/internal/tracing/tracingtest"
)

const (
	caller     = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	callerID   = "00f067aa0ba902b7"
	traceID    = "4bf92f3577b34da6a3ce929d0e0e4736"
	notSampled = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
)

// open returns a tracer that sends to a receiver; closing it sends everything.
func open(t *testing.T) (*tracingtest.Receiver, *tracing.Tracer) {
	t.Helper()
	receiver := tracingtest.Start(t)
	tracer, err := tracing.Open(t.Context(), "test", slog.Default())
	require.NoError(t, err)
	require.NotNil(t, tracer)
	return receiver, tracer
}

func TestTheEnvironmentDecides(t *testing.T) {
	for _, c := range []struct {
		name  string
		env   map[string]string
		on    bool
		fails string
	}{
		{"nothing", nil, false, ""},
		{"an endpoint", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, true, ""},
		{"an endpoint for traces", map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1/v1/traces"}, true, ""},
		{"an exporter", map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}, true, ""},
		{"no exporter", map[string]string{"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, false, ""},
		{"disabled", map[string]string{"OTEL_SDK_DISABLED": "TRUE", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, false, ""},
		{"another exporter", map[string]string{"OTEL_TRACES_EXPORTER": "zipkin"}, false, `OTEL_TRACES_EXPORTER="zipkin"`},
		{"another protocol", map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, false, "http/protobuf only"},
		{"half an attribute", map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_RESOURCE_ATTRIBUTES": "team"}, false, "OTEL_RESOURCE_ATTRIBUTES"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			tracer, err := tracing.Open(t.Context(), "test", slog.Default())
			if c.fails != "" {
				require.ErrorContains(t, err, c.fails)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.on, tracer != nil)
			require.NoError(t, tracer.Close(t.Context()))
		})
	}
}

func TestAReceiverThatIsAwayHoldsNobodyUp(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	const limit = 5 * time.Second
	took := limit
	for round := 0; round < 4 && took >= limit; round++ { // while the machine is busy it takes longer
		tracer, err := tracing.Open(t.Context(), "test", slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		_, span := tracer.Process(t.Context(), message, "ordering_baskets", 0, "")
		tracing.End(span, nil)
		begun := time.Now()
		_ = tracer.Close(t.Context()) // it may say that it could not send
		took = time.Since(begun)
	}
	require.Less(t, took, limit)
}

func TestTheServiceIsCalledAsTheEnvironmentSays(t *testing.T) {
	t.Setenv("OTEL_SERVICE_NAME", "the mall")
	receiver, tracer := open(t)
	_, span := tracer.Process(t.Context(), message, "ordering_baskets", 0, "")
	tracing.End(span, nil)
	require.NoError(t, tracer.Close(t.Context()))
	require.Equal(t, "the mall", receiver.Spans("")[0].Service)
}

func TestTheSamplerDecides(t *testing.T) {
	t.Setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
	t.Setenv("OTEL_TRACES_SAMPLER_ARG", "0")
	receiver, tracer := open(t)
	_, span := tracer.Process(t.Context(), message, "ordering_baskets", 0, "")
	tracing.End(span, nil)
	ctx, span := tracer.Process(t.Context(), message, "ordering_baskets", 0, caller)
	require.NotEmpty(t, tracing.Create(ctx, message))
	tracing.End(span, nil)
	ctx, span = tracer.Process(t.Context(), message, "ordering_baskets", 0, notSampled)
	passed := tracing.Create(ctx, message)
	tracer.Sent(ctx, tracing.Sending{Message: message, Traceparent: passed})
	tracing.End(span, nil)
	require.NoError(t, tracer.Close(t.Context()))
	require.Len(t, receiver.Spans(""), 2, "what the caller did not want traced is not")
	require.Regexp(t, "^00-"+traceID+"-[0-9a-f]{16}-00$", passed, "and whoever comes next is told so")
}

func TestARequestIsNamedByItsRoute(t *testing.T) {
	receiver, tracer := open(t)
	r := chi.NewRouter()
	r.Use(tracer.Requests)
	r.Get("/api/stores/{id}", func(_ http.ResponseWriter, r *http.Request) {
		tracing.Procedure(r.Context(), "/mallbots.stores.v1.StoresService/GetStore", "rest", "c1")
		tracing.Answered(r.Context(), "ok", "", false)
	})
	r.Post("/mallbots.stores.v1.StoresService/GetStore", func(w http.ResponseWriter, r *http.Request) {
		tracing.Procedure(r.Context(), "/mallbots.stores.v1.StoresService/GetStore", "grpc", "c2")
		tracing.Answered(r.Context(), "internal", "INTERNAL", true)
		w.WriteHeader(http.StatusInternalServerError)
	})
	for _, line := range []string{"GET /api/stores/s1?secret=hunter2", "POST /mallbots.stores.v1.StoresService/GetStore", "BREW /tea"} {
		var method, path string
		for i := range line {
			if line[i] == ' ' {
				method, path = line[:i], line[i+1:]
			}
		}
		request := httptest.NewRequest(method, path, nil)
		request.Header.Set("Traceparent", caller)
		request.Header.Set("Authorization", "hunter2")
		r.ServeHTTP(httptest.NewRecorder(), request)
	}
	require.NoError(t, tracer.Close(t.Context()))
	spans := receiver.Spans(traceID)
	require.Len(t, spans, 3)
	require.Equal(t, "GET /api/stores/{id}", spans[0].Name)
	require.Equal(t, callerID, spans[0].Parent)
	require.Equal(t, "mallbots.stores.v1.StoresService/GetStore", spans[1].Name)
	require.Equal(t, "grpc", spans[1].Attributes["rpc.system.name"])
	require.Equal(t, "INTERNAL", spans[1].Attributes["error.type"])
	require.True(t, spans[1].Failed)
	require.Equal(t, "HTTP", spans[2].Name, "nobody can invent names")
	require.Equal(t, int64(405), spans[2].Attributes["http.response.status_code"])
	require.False(t, spans[2].Failed, "it is the caller's doing")
	for _, s := range spans {
		text, err := json.Marshal(s)
		require.NoError(t, err)
		require.NotContains(t, string(text), "hunter2")
	}
}

func TestAFailureTellsItsCodeAndNotItsText(t *testing.T) {
	receiver, tracer := open(t)
	for _, err := range []error{fault.New(fault.Conflict, "ORDER_STATE", "hunter2"), errors.New("hunter2")} {
		_, span := tracer.Process(t.Context(), message, "ordering_baskets", 2, caller)
		tracing.End(span, err)
	}
	require.NoError(t, tracer.Close(t.Context()))
	spans := receiver.Spans(traceID)
	require.Len(t, spans, 2)
	require.Equal(t, "ORDER_STATE", spans[0].Attributes["error.type"])
	require.Equal(t, "_OTHER", spans[1].Attributes["error.type"])
	require.Equal(t, int64(3), spans[0].Attributes["mallbots.attempt"])
	require.True(t, spans[0].Failed && spans[1].Failed)
}

func TestATimerIsLinkedToWhereItWasSet(t *testing.T) {
	receiver, tracer := open(t)
	_, span := tracer.Timer(t.Context(), "ordering", "fulfilment.deadline", "o1", "c1", caller)
	tracing.End(span, nil)
	require.NoError(t, tracer.Close(t.Context()))
	fired := receiver.Spans("")[0]
	require.Equal(t, "timer fulfilment.deadline", fired.Name)
	require.NotEqual(t, traceID, fired.Trace)
	require.Empty(t, fired.Parent)
	require.Equal(t, []string{callerID}, fired.Links)
}

func TestLinesSayWhomTheyBelongTo(t *testing.T) {
	_, tracer := open(t)
	line := func(ctx context.Context) map[string]any {
		var out bytes.Buffer
		log := tracing.Logs(tracing.Logs(slog.New(slog.NewJSONHandler(&out, nil)).With("module", "stores")))
		log.With("part", "relay").InfoContext(ctx, "hello")
		var said map[string]any
		require.NoError(t, json.Unmarshal(out.Bytes(), &said))
		delete(said, "time")
		return said
	}
	require.Equal(t, map[string]any{"level": "INFO", "msg": "hello", "module": "stores", "part": "relay"}, line(t.Context()))
	require.Equal(t, map[string]any{"level": "INFO", "msg": "hello", "module": "stores", "part": "relay", "correlation_id": "c1", "trace_id": traceID},
		line(cause.With(t.Context(), cause.Cause{CorrelationID: "c1", Traceparent: caller})), "the caller's trace, without spans of ours")

	ctx, span := tracer.Process(cause.With(t.Context(), cause.Cause{CorrelationID: "c1", Traceparent: caller}), message, "ordering_baskets", 0, caller)
	said := line(ctx)
	require.Equal(t, traceID, said["trace_id"])
	require.Equal(t, tracing.Traceparent(ctx)[36:52], said["span_id"])
	tracing.End(span, nil)
	require.NoError(t, tracer.Close(t.Context()))
}
