package tracing_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/cause"
	"mallbots/internal/tracing"
)

var (
	message = tracing.Message{ID: "019a", Type: "mallbots.baskets.v1.BasketCheckedOut", Key: "b1", Conversation: "c1", Module: "baskets"}
	sending = tracing.Sending{Message: message, Stream: "MALLBOTS_BASKETS"}
	request = cause.With(context.Background(), cause.Cause{Actor: "ada", CorrelationID: "c1"})
)

// off is what happens for one message and one request when nobody wants traces.
func off(tracer *tracing.Tracer) {
	tracing.Procedure(request, "/mallbots.baskets.v1.BasketsService/CheckoutBasket", "rest", "c1")
	_ = tracing.Create(request, message)
	tracer.Sent(request, sending)
	ctx, span := tracer.Process(request, message, "ordering_baskets", 0, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	tracing.End(span, nil)
	tracing.Answered(ctx, "ok", "", false)
}

func TestOffCostsNoMemory(t *testing.T) {
	tracer, err := tracing.Open(t.Context(), "mallbots", slog.Default())
	require.NoError(t, err)
	require.Nil(t, tracer, "nothing in the environment asks for traces")
	require.Zero(t, testing.AllocsPerRun(100, func() { off(tracer) }))
	handler := http.Handler(http.NotFoundHandler())
	recorder := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	bare := testing.AllocsPerRun(100, func() { handler.ServeHTTP(recorder, r) })
	require.Equal(t, bare, testing.AllocsPerRun(100, func() { tracer.Requests(handler).ServeHTTP(recorder, r) }))
	require.NoError(t, tracer.Close(t.Context()))
}

// BenchmarkOff is what one request that publishes a message, and the handling of
// that message, pay when tracing is off.
func BenchmarkOff(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		off(nil)
	}
}
