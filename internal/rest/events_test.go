package rest_test

import (
	"bufio"
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/api"
	"mallbots/internal/fault"
	"mallbots/internal/rest"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
	"mallbots/proto/mallbots/ordering/v1/orderingv1connect"
)

// watch opens the stream of an order. Its lines come through the channel, which
// is closed at the end.
func (m *mall) watch(ctx context.Context, t *testing.T, headers ...string) (*http.Response, <-chan string) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.url+"/api/ordering/"+id+"/watch", nil)
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	lines := make(chan string)
	go func() {
		defer close(lines)
		defer res.Body.Close()
		for scanner := bufio.NewScanner(res.Body); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()
	return res, lines
}

func order(version int64) *orderingv1.WatchOrderResponse {
	return &orderingv1.WatchOrderResponse{Order: &orderingv1.Order{Id: id, Version: version}}
}

func TestAStreamIsServerSentEvents(t *testing.T) {
	m := start(t)
	next := make(chan int64)
	m.ordering.watch = func(_ context.Context, stream orderingv1connect.OrderingServiceWatchOrderServerStream) error {
		for version := range next {
			if err := stream.Send(order(version)); err != nil {
				return err
			}
		}
		return fault.New(fault.Unavailable, "STOPPING", "the server is shutting down")
	}
	go func() { next <- 4 }()
	res, lines := m.watch(t.Context(), t)
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Equal(t, "text/event-stream", res.Header.Get("Content-Type"))
	require.NotEmpty(t, res.Header.Get("X-Correlation-Id"))
	require.Equal(t, "id: 4", <-lines)
	require.Contains(t, <-lines, `data: {"order":{"id":"`+id+`",`)
	require.Empty(t, <-lines)
	next <- 5 // only now: each event is sent at once
	require.Equal(t, "id: 5", <-lines)
	<-lines
	<-lines
	close(next)
	require.Equal(t, "event: error", <-lines)
	require.Contains(t, <-lines, `"code":"STOPPING"`)
	require.Empty(t, <-lines)
	_, open := <-lines
	require.False(t, open)
}

func TestAStreamResumesWhereTheCallerWas(t *testing.T) {
	m := start(t)
	m.ordering.watch = func(ctx context.Context, stream orderingv1connect.OrderingServiceWatchOrderServerStream) error {
		seen, resumes := api.LastEventID(ctx)
		if !resumes {
			seen = 99
		}
		return stream.Send(order(seen + 1))
	}
	_, lines := m.watch(t.Context(), t, "Last-Event-ID", "41")
	require.Equal(t, "id: 42", <-lines)
	for _, malformed := range []string{"x", "-1", ""} {
		_, lines = m.watch(t.Context(), t, "Last-Event-ID", malformed)
		require.Equal(t, "id: 100", <-lines, "as if it were not there")
	}
}

func TestAStreamThatFailsFirstIsAProblem(t *testing.T) {
	m := start(t)
	m.ordering.watch = func(context.Context, orderingv1connect.OrderingServiceWatchOrderServerStream) error {
		return fault.New(fault.NotFound, "ORDER_NOT_FOUND", "there is no such order")
	}
	got := m.do(t, "GET", "/api/ordering/"+id+"/watch", "")
	require.Equal(t, http.StatusNotFound, got.status)
	require.Equal(t, "ORDER_NOT_FOUND", got.problem(t).Code)
	require.Equal(t, http.StatusBadRequest, m.do(t, "GET", "/api/ordering/7/watch", "").status)
}

func TestAQuietStreamShowsThatItLives(t *testing.T) {
	m := start(t, rest.WithHeartbeat(5*time.Millisecond))
	gone := make(chan bool)
	m.ordering.watch = func(ctx context.Context, stream orderingv1connect.OrderingServiceWatchOrderServerStream) error {
		defer close(gone)
		if err := stream.Send(order(1)); err != nil {
			return err
		}
		<-ctx.Done() // as soon as the caller has gone
		return ctx.Err()
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, lines := m.watch(ctx, t)
	for range 3 {
		<-lines
	}
	require.Equal(t, ": still here", <-lines)
	cancel()
	for range lines {
	}
	<-gone
}
