package api_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"mallbots/internal/api"
	"mallbots/internal/cause"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

// call sends a request with headers and returns status, headers and body.
func (s *server) call(t *testing.T, method, path, body string, headers ...string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	require.NoError(t, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	var text strings.Builder
	_, err = copyAll(&text, res)
	require.NoError(t, err)
	return res.StatusCode, res.Header, text.String()
}

func TestARequestKnowsWhoAskedAndWhy(t *testing.T) {
	causes := make(chan cause.Cause, 1)
	s := start(t, api.Options{}, api.Process{}, &stores{get: func(ctx context.Context, _ *storesv1.GetStoreRequest) (*storesv1.GetStoreResponse, error) {
		causes <- cause.From(ctx)
		return &storesv1.GetStoreResponse{}, nil
	}}, nil)
	const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

	_, header, _ := s.call(t, "GET", "/api/stores/"+storeID, "", "X-Correlation-Id", "order-17", "Traceparent", trace)
	got := <-causes
	require.Equal(t, "order-17", got.CorrelationID)
	require.Equal(t, "order-17", header.Get("X-Correlation-Id"))
	require.Equal(t, trace, got.Traceparent)
	require.Equal(t, "anonymous", got.Actor)
	require.Len(t, got.CausationID, 36)

	_, header, _ = s.call(t, "GET", "/api/stores/"+storeID, "", "X-Correlation-Id", "a\tb; DROP", "Traceparent", "00-x")
	got = <-causes
	require.Len(t, got.CorrelationID, 36, "a malformed id is replaced")
	require.Equal(t, got.CorrelationID, header.Get("X-Correlation-Id"))
	require.Empty(t, got.Traceparent)

	s.call(t, "GET", "/api/stores/"+storeID, "", "X-Request-Id", "r-1")
	require.Equal(t, "r-1", (<-causes).CorrelationID)
}

func TestEachRequestIsLoggedAndMeasuredOnce(t *testing.T) {
	metrics := prometheus.NewRegistry()
	s := start(t, api.Options{Metrics: metrics}, api.Process{}, &stores{}, nil)
	s.call(t, "POST", "/api/stores", `{"name":"Secret Teas","location":"Hall 1"}`, "X-Correlation-Id", "c-1")
	s.call(t, "POST", "/api/stores", `{"name":"","location":"Hall 1"}`, "X-Correlation-Id", "c-2")
	lines := s.log.String()
	require.Equal(t, 2, strings.Count(lines, `"msg":"request"`))
	require.Contains(t, lines, `"correlation_id":"c-1"`)
	require.Contains(t, lines, `"reason":"STORE_NAME_BLANK"`)
	require.NotContains(t, lines, "Secret", "no bodies")
	families, err := metrics.Gather()
	require.NoError(t, err)
	require.Len(t, families, 1)
	require.Equal(t, "mallbots_request_duration_seconds", families[0].GetName())
	require.Len(t, families[0].GetMetric(), 2, "one for ok, one for invalid_argument")
	start(t, api.Options{Metrics: metrics}, api.Process{}, &stores{}, nil) // a second server shares it
}

func TestIfMatchIsAboutTheAggregateOfTheRequest(t *testing.T) {
	seen := make(chan string, 1)
	s := start(t, api.Options{}, api.Process{}, &stores{rename: func(_ context.Context, req *storesv1.RebrandStoreRequest) (*storesv1.RebrandStoreResponse, error) {
		seen <- req.GetId() + " " + req.GetName()
		return &storesv1.RebrandStoreResponse{}, nil
	}}, nil)
	for _, value := range []string{`"3"`, "*"} {
		code, _, body := s.call(t, "PUT", "/api/stores/"+storeID+"/rebrand", `{"name":"Coffees"}`, "If-Match", value)
		require.Equal(t, http.StatusOK, code, body)
		require.Equal(t, storeID+" Coffees", <-seen, "the method still gets its request")
	}
	for _, value := range []string{`3`, `W/"3"`, `"x"`, `"-1"`, `"1", "2"`, `""`, `"`} {
		code, _, body := s.call(t, "PUT", "/api/stores/"+storeID+"/rebrand", `{"name":"Coffees"}`, "If-Match", value)
		require.Equal(t, http.StatusBadRequest, code, value)
		require.Contains(t, body, "IF_MATCH_MALFORMED", value)
	}
	code, _, body := s.call(t, "PUT", "/api/stores/"+storeID+"/rebrand", `{"name":""}`, "If-Match", `"3"`)
	require.Equal(t, http.StatusBadRequest, code)
	require.Contains(t, body, "STORE_NAME_BLANK", "it is validated all the same")
}

func TestMallbotsAfterWaitsForWhatTheCallerHasSeen(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	await := func(ctx context.Context, module, source, key string, sequence int64) (bool, error) {
		mu.Lock()
		asked = append(asked, module+" "+source+" "+key)
		mu.Unlock()
		switch key {
		case "late":
			<-ctx.Done()
			return false, ctx.Err()
		case "broken":
			return false, errors.New("no table")
		}
		return sequence < 10, nil
	}
	s := start(t, api.Options{Await: await}, api.Process{}, &stores{}, nil)
	get := func(after ...string) (int, string) {
		var headers []string
		for _, a := range after {
			headers = append(headers, "Mallbots-After", a)
		}
		code, _, body := s.call(t, "GET", "/api/stores/"+storeID, "", headers...)
		return code, body
	}

	code, _ := get("baskets/b1@3", "depot/a@b@4")
	require.Equal(t, http.StatusOK, code)
	require.Equal(t, []string{"stores baskets b1", "stores depot a@b"}, asked)

	for _, malformed := range []string{"", "baskets", "baskets/b1", "baskets/b1@", "baskets/@3", "/b1@3", "baskets/b1@0", "baskets/b1@-1", "baskets/b1@x", "baskets/b1@3,", "baskets/b\xe9@3", "baskets/b 1@3"} {
		code, body := get(malformed)
		require.Equal(t, http.StatusBadRequest, code, malformed)
		require.Contains(t, body, "MALLBOTS_AFTER_MALFORMED", malformed)
	}

	waited := 0.0
	for round := 0; round == 0 || round < 4 && waited > 2.5; round++ { // it takes longer on a busy machine
		begin := time.Now()
		code, body := get("baskets/late@3")
		waited = time.Since(begin).Seconds()
		require.Equal(t, http.StatusServiceUnavailable, code)
		require.Contains(t, body, "NOT_YET_CAUGHT_UP")
	}
	require.InDelta(t, 2, waited, 0.5)

	code, body := get("baskets/b1@10")
	require.Equal(t, http.StatusServiceUnavailable, code)
	require.Contains(t, body, "NOT_YET_CAUGHT_UP")
	code, _ = get("baskets/broken@1")
	require.Equal(t, http.StatusInternalServerError, code)

	ctx := metadata.AppendToOutgoingContext(t.Context(), "mallbots-after", "baskets/b1@10")
	err := s.dial(t).Invoke(ctx, getStore, &storesv1.GetStoreRequest{Id: storeID}, &storesv1.GetStoreResponse{})
	require.Equal(t, codes.Unavailable, status.Code(err))
}

func TestTooManyRequestsAreRefused(t *testing.T) {
	entered, release := make(chan bool), make(chan bool)
	s := start(t, api.Options{InFlight: 1}, api.Process{}, &stores{get: func(context.Context, *storesv1.GetStoreRequest) (*storesv1.GetStoreResponse, error) {
		entered <- true
		<-release
		return &storesv1.GetStoreResponse{}, nil
	}}, nil)
	first := make(chan int)
	go func() {
		res, err := http.Get(s.url + "/api/stores/" + storeID)
		if err != nil {
			first <- 0
			return
		}
		_ = res.Body.Close()
		first <- res.StatusCode
	}()
	<-entered
	code, header, body := s.call(t, "GET", "/api/stores/"+storeID, "")
	require.Equal(t, http.StatusServiceUnavailable, code)
	require.Contains(t, body, "OVERLOADED")
	require.Equal(t, "1", header.Get("Retry-After"))
	close(release)
	require.Equal(t, http.StatusOK, <-first)
}

func TestARequestThatTakesTooLongIsGivenUp(t *testing.T) {
	s := start(t, api.Options{Deadline: 20 * time.Millisecond}, api.Process{}, &stores{get: func(ctx context.Context, _ *storesv1.GetStoreRequest) (*storesv1.GetStoreResponse, error) {
		<-ctx.Done()
		return nil, errors.New("interrupted (9)") // as a driver words it
	}}, nil)
	code, _, body := s.call(t, "GET", "/api/stores/"+storeID, "")
	require.Equal(t, http.StatusServiceUnavailable, code)
	require.Contains(t, body, "DEADLINE_EXCEEDED")
}
