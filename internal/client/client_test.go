package client_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"github.com/stretchr/testify/require"

	"mallbots/internal/client"
	storesv1 "mallbots/proto/mallbots/stores/v1"
	"mallbots/proto/mallbots/stores/v1/storesv1connect"
)

// flaky is a stores service that is down at first.
type flaky struct {
	storesv1connect.StoresServiceHandler
	mu       sync.Mutex
	failures []error
	keys     []string
	after    []string
}

func (f *flaky) CreateStore(ctx context.Context, _ *storesv1.CreateStoreRequest) (*storesv1.CreateStoreResponse, error) {
	info, _ := connect.CallInfoForServerContext(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keys = append(f.keys, info.RequestHeader().Get("Idempotency-Key"))
	f.after = info.RequestHeader().Values("Mallbots-After")
	if len(f.failures) > 0 {
		err := f.failures[0]
		f.failures = f.failures[1:]
		return nil, err
	}
	info.ResponseHeader().Set("Mallbots-Position", "stores/s1@1")
	return &storesv1.CreateStoreResponse{Id: "s1"}, nil
}

// mall is one of which only the stores matter.
type mall struct {
	*client.Client
	stores storesv1connect.StoresServiceClient
}

func dial(t *testing.T, server string, patience time.Duration) *mall {
	t.Helper()
	c, err := client.Dial(server, patience)
	require.NoError(t, err)
	return &mall{c, storesv1connect.NewStoresServiceClient(c.RPC)}
}

func serveFlaky(t *testing.T, f *flaky) *mall {
	t.Helper()
	rpc := connect.NewServer()
	storesv1connect.RegisterStoresServiceHandler(rpc, f)
	mux := http.NewServeMux()
	connecthttp.Mount(mux, rpc)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return dial(t, server.URL, 5*time.Second)
}

func TestChangeIsRepeatedUnderOneKey(t *testing.T) {
	down := connect.NewError(connect.CodeUnavailable, "restarting")
	f := &flaky{failures: []error{down, down}}
	m := serveFlaky(t, f)
	heard := 0
	m.Trouble = func(error) { heard++ }

	res, position, err := client.Tell(t.Context(), m.Client, m.stores.CreateStore, &storesv1.CreateStoreRequest{Name: "Books"}, "stores/a@1", "", "stores/b@2")
	require.NoError(t, err)
	require.Equal(t, "s1", res.GetId())
	require.Equal(t, "stores/s1@1", position)
	require.Len(t, f.keys, 3)
	require.NotEmpty(t, f.keys[0])
	require.Equal(t, []string{f.keys[0], f.keys[0], f.keys[0]}, f.keys)
	require.Equal(t, []string{"stores/a@1", "stores/b@2"}, f.after)
	require.Equal(t, 2, heard)
}

func TestRefusalIsNotRepeated(t *testing.T) {
	f := &flaky{failures: []error{connect.NewError(connect.CodeInvalidArgument, "blank")}}
	m := serveFlaky(t, f)
	_, _, err := client.Tell(t.Context(), m.Client, m.stores.CreateStore, &storesv1.CreateStoreRequest{})
	require.Equal(t, connect.CodeInvalidArgument, connect.CodeOf(err))
	require.Equal(t, "invalid_argument", client.Reason(err))
	require.Len(t, f.keys, 1)
}

func TestNobodyThereIsUnreachable(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	m := dial(t, server.URL, 50*time.Millisecond)
	_, _, err := client.Tell(t.Context(), m.Client, m.stores.CreateStore, &storesv1.CreateStoreRequest{})
	require.Equal(t, "unreachable", client.Reason(err))
}

func TestInterruptEndsTheRepeating(t *testing.T) {
	f := &flaky{failures: make([]error, 0)}
	m := serveFlaky(t, f)
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	m.Trouble = func(error) { cancel(why) }
	f.failures = []error{connect.NewError(connect.CodeUnavailable, "restarting")}
	_, _, err := client.Tell(ctx, m.Client, m.stores.CreateStore, &storesv1.CreateStoreRequest{})
	require.ErrorIs(t, err, why)
}

func TestServerURLIsCompleted(t *testing.T) {
	for text, want := range map[string]string{
		"127.0.0.1:8080":         "http://127.0.0.1:8080",
		"http://mall:8080/":      "http://mall:8080",
		"https://mall.example/x": "https://mall.example/x",
	} {
		got, err := client.URL(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, text := range []string{"", "ftp://mall", "http://", ":::"} {
		_, err := client.URL(text)
		require.ErrorContains(t, err, "is not a server's URL", text)
	}
}
