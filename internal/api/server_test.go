package api_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"mallbots/internal/api"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
	"mallbots/proto/mallbots/ordering/v1/orderingv1connect"
	storesv1 "mallbots/proto/mallbots/stores/v1"
	"mallbots/proto/mallbots/stores/v1/storesv1connect"
)

// storeID is some well-formed id.
const storeID = "0192d4e0-7c1f-7a51-8f3a-2f6d1c9b4e10"

// stores is a service whose methods do what a test tells them to.
type stores struct {
	storesv1connect.UnimplementedStoresServiceHandler
	create func(context.Context, *storesv1.CreateStoreRequest) (*storesv1.CreateStoreResponse, error)
	get    func(context.Context, *storesv1.GetStoreRequest) (*storesv1.GetStoreResponse, error)
	rename func(context.Context, *storesv1.RebrandStoreRequest) (*storesv1.RebrandStoreResponse, error)
	list   func(context.Context, *storesv1.GetStoresRequest) (*storesv1.GetStoresResponse, error)
}

func (s *stores) CreateStore(ctx context.Context, req *storesv1.CreateStoreRequest) (*storesv1.CreateStoreResponse, error) {
	if s.create == nil {
		return &storesv1.CreateStoreResponse{Id: storeID}, nil
	}
	return s.create(ctx, req)
}

func (s *stores) GetStore(ctx context.Context, req *storesv1.GetStoreRequest) (*storesv1.GetStoreResponse, error) {
	if s.get == nil {
		api.SetETag(ctx, 7)
		return &storesv1.GetStoreResponse{Store: &storesv1.Store{Id: req.GetId(), Name: "Teas"}}, nil
	}
	return s.get(ctx, req)
}

func (s *stores) RebrandStore(ctx context.Context, req *storesv1.RebrandStoreRequest) (*storesv1.RebrandStoreResponse, error) {
	if s.rename == nil {
		return &storesv1.RebrandStoreResponse{}, nil
	}
	return s.rename(ctx, req)
}

func (s *stores) GetStores(ctx context.Context, req *storesv1.GetStoresRequest) (*storesv1.GetStoresResponse, error) {
	if s.list == nil {
		return &storesv1.GetStoresResponse{}, nil
	}
	return s.list(ctx, req)
}

func (s *stores) AddProduct(context.Context, *storesv1.AddProductRequest) (*storesv1.AddProductResponse, error) {
	return &storesv1.AddProductResponse{Id: storeID}, nil
}

// ordering sends what a test tells it to.
type ordering struct {
	orderingv1connect.UnimplementedOrderingServiceHandler
	watch func(context.Context, *orderingv1.WatchOrderRequest, func(*orderingv1.WatchOrderResponse) error) error
}

func (o *ordering) WatchOrder(ctx context.Context, req *orderingv1.WatchOrderRequest, stream orderingv1connect.OrderingServiceWatchOrderServerStream) error {
	return o.watch(ctx, req, stream.Send)
}

// server is a running one.
type server struct {
	url     string
	address string
	stores  storesv1connect.StoresServiceClient
	log     *log
	stop    func()
}

// start serves s and o, where given, on a port of its own.
func start(t *testing.T, options api.Options, process api.Process, s *stores, o *ordering) *server {
	t.Helper()
	lines := &log{}
	options.Log = slog.New(slog.NewJSONHandler(lines, nil))
	rpc := api.NewServer(options)
	if s != nil {
		storesv1connect.RegisterStoresServiceHandler(rpc, s)
		process.Modules = append(process.Modules, "stores")
	}
	if o != nil {
		orderingv1connect.RegisterOrderingServiceHandler(rpc, o)
		process.Modules = append(process.Modules, "ordering")
	}
	r := chi.NewRouter()
	api.Mount(r, rpc, process)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	h := api.NewHTTPServer(r)
	go func() { _ = h.Serve(listener) }()
	t.Cleanup(func() { _ = h.Close() })
	address := listener.Addr().String()
	url := "http://" + address
	return &server{
		url: url, address: address, log: lines, stop: func() { _ = h.Close() },
		stores: storesv1connect.NewStoresServiceClient(connect.NewClient(connecthttp.NewTransport(http.DefaultClient, url))),
	}
}

// dial returns a real gRPC client.
func (s *server) dial(t *testing.T) *grpc.ClientConn {
	t.Helper()
	connection, err := grpc.NewClient(s.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { _ = connection.Close() })
	return connection
}

// log keeps what is logged.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func copyAll(text *strings.Builder, res *http.Response) (int64, error) {
	return io.Copy(text, res.Body)
}
