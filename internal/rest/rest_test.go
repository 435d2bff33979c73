package rest_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mallbots/internal/api"
	"mallbots/internal/rest"
	depotv1 "mallbots/proto/mallbots/depot/v1"
	"mallbots/proto/mallbots/depot/v1/depotv1connect"
	moneyv1 "mallbots/proto/mallbots/money/v1"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
	"mallbots/proto/mallbots/ordering/v1/orderingv1connect"
	storesv1 "mallbots/proto/mallbots/stores/v1"
	"mallbots/proto/mallbots/stores/v1/storesv1connect"

	"google.golang.org/protobuf/proto"
)

// id is some well-formed id.
const id = "0192d4e0-7c1f-7a51-8f3a-2f6d1c9b4e10"

// stores notes which method was called, and with what.
type stores struct {
	storesv1connect.UnimplementedStoresServiceHandler
	called string
	with   proto.Message
}

func (s *stores) CreateStore(_ context.Context, req *storesv1.CreateStoreRequest) (*storesv1.CreateStoreResponse, error) {
	s.called, s.with = "CreateStore", req
	return &storesv1.CreateStoreResponse{Id: id}, nil
}

func (s *stores) GetStores(_ context.Context, req *storesv1.GetStoresRequest) (*storesv1.GetStoresResponse, error) {
	s.called, s.with = "GetStores", req
	return &storesv1.GetStoresResponse{}, nil
}

func (s *stores) GetParticipatingStores(_ context.Context, req *storesv1.GetParticipatingStoresRequest) (*storesv1.GetParticipatingStoresResponse, error) {
	s.called, s.with = "GetParticipatingStores", req
	return &storesv1.GetParticipatingStoresResponse{}, nil
}

func (s *stores) GetStore(ctx context.Context, req *storesv1.GetStoreRequest) (*storesv1.GetStoreResponse, error) {
	s.called, s.with = "GetStore", req
	api.SetETag(ctx, 3)
	return &storesv1.GetStoreResponse{Store: &storesv1.Store{Id: req.GetId(), Name: "Teas & <Coffees>"}}, nil
}

func (s *stores) EnableParticipation(_ context.Context, req *storesv1.EnableParticipationRequest) (*storesv1.EnableParticipationResponse, error) {
	s.called, s.with = "EnableParticipation", req
	return &storesv1.EnableParticipationResponse{}, nil
}

func (s *stores) DisableParticipation(_ context.Context, req *storesv1.DisableParticipationRequest) (*storesv1.DisableParticipationResponse, error) {
	s.called, s.with = "DisableParticipation", req
	return &storesv1.DisableParticipationResponse{}, nil
}

func (s *stores) AddProduct(_ context.Context, req *storesv1.AddProductRequest) (*storesv1.AddProductResponse, error) {
	s.called, s.with = "AddProduct", req
	return &storesv1.AddProductResponse{Id: id}, nil
}

func (s *stores) GetCatalog(_ context.Context, req *storesv1.GetCatalogRequest) (*storesv1.GetCatalogResponse, error) {
	s.called, s.with = "GetCatalog", req
	return &storesv1.GetCatalogResponse{}, nil
}

func (s *stores) GetProduct(_ context.Context, req *storesv1.GetProductRequest) (*storesv1.GetProductResponse, error) {
	s.called, s.with = "GetProduct", req
	return &storesv1.GetProductResponse{Product: &storesv1.Product{Id: req.GetId(), Price: &moneyv1.Money{CurrencyCode: "USD", MinorUnits: 999}}}, nil
}

func (s *stores) RebrandProduct(_ context.Context, req *storesv1.RebrandProductRequest) (*storesv1.RebrandProductResponse, error) {
	s.called, s.with = "RebrandProduct", req
	return &storesv1.RebrandProductResponse{}, nil
}

func (s *stores) RebrandStore(_ context.Context, req *storesv1.RebrandStoreRequest) (*storesv1.RebrandStoreResponse, error) {
	s.called, s.with = "RebrandStore", req
	return &storesv1.RebrandStoreResponse{}, nil
}

func (s *stores) RemoveProduct(_ context.Context, req *storesv1.RemoveProductRequest) (*storesv1.RemoveProductResponse, error) {
	s.called, s.with = "RemoveProduct", req
	return &storesv1.RemoveProductResponse{}, nil
}

// ordering notes filters, and sends what a test tells it to.
type ordering struct {
	orderingv1connect.UnimplementedOrderingServiceHandler
	with  proto.Message
	watch func(context.Context, orderingv1connect.OrderingServiceWatchOrderServerStream) error
}

func (o *ordering) ListOrders(_ context.Context, req *orderingv1.ListOrdersRequest) (*orderingv1.ListOrdersResponse, error) {
	o.with = req
	return &orderingv1.ListOrdersResponse{}, nil
}

func (o *ordering) GetOrder(_ context.Context, req *orderingv1.GetOrderRequest) (*orderingv1.GetOrderResponse, error) {
	o.with = req
	return &orderingv1.GetOrderResponse{Order: &orderingv1.Order{CreatedAt: timestamppb.New(req.GetAsOf().AsTime())}}, nil
}

func (o *ordering) WatchOrder(ctx context.Context, _ *orderingv1.WatchOrderRequest, stream orderingv1connect.OrderingServiceWatchOrderServerStream) error {
	return o.watch(ctx, stream)
}

// depot notes what it is told.
type depot struct {
	depotv1connect.UnimplementedDepotServiceHandler
	with proto.Message
}

func (d *depot) CancelShoppingList(_ context.Context, req *depotv1.CancelShoppingListRequest) (*depotv1.CancelShoppingListResponse, error) {
	d.with = req
	return &depotv1.CancelShoppingListResponse{}, nil
}

// mall is a server of the services above.
type mall struct {
	url      string
	stores   *stores
	ordering *ordering
	depot    *depot
}

func start(t testing.TB, options ...rest.Option) *mall {
	t.Helper()
	m := &mall{stores: &stores{}, ordering: &ordering{}, depot: &depot{}}
	rpc := api.NewServer(api.Options{Log: quiet})
	storesv1connect.RegisterStoresServiceHandler(rpc, m.stores)
	orderingv1connect.RegisterOrderingServiceHandler(rpc, m.ordering)
	depotv1connect.RegisterDepotServiceHandler(rpc, m.depot)
	r := chi.NewRouter()
	rest.Mount(r, rpc, options...)
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	m.url = server.URL
	return m
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// problem reads the body as one.
func (a answer) problem(t *testing.T) (p struct {
	Type, Title, Detail, Code string
	Status                    int
	Violations                []struct{ Field, Description string }
},
) {
	t.Helper()
	require.Equal(t, "application/problem+json", a.header.Get("Content-Type"), a.body)
	require.NoError(t, json.Unmarshal([]byte(a.body), &p))
	require.Equal(t, a.status, p.Status)
	require.NotEmpty(t, p.Type)
	require.NotEmpty(t, p.Title)
	require.NotEmpty(t, p.Detail)
	require.NotEmpty(t, p.Code)
	require.NotNil(t, p.Violations)
	return p
}

// do sends a request, with a JSON body where there is one.
func (m *mall) do(t *testing.T, method, path, body string, headers ...string) answer {
	t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, m.url+path, reader)
	require.NoError(t, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return answer{res.StatusCode, res.Header, string(text)}
}

func TestARequestReachesItsMethod(t *testing.T) {
	m := start(t)
	cases := []struct {
		method, path, body string
		called             string
		with               proto.Message
	}{
		{"POST", "/api/stores", `{"name":"Teas","location":"Hall 1"}`, "CreateStore", &storesv1.CreateStoreRequest{Name: "Teas", Location: "Hall 1"}},
		{"GET", "/api/stores?pageSize=3&pageToken=x", "", "GetStores", &storesv1.GetStoresRequest{PageSize: 3, PageToken: "x"}},
		{"GET", "/api/stores?page_size=3", "", "GetStores", &storesv1.GetStoresRequest{PageSize: 3}},
		{"GET", "/api/stores/participating", "", "GetParticipatingStores", &storesv1.GetParticipatingStoresRequest{}},
		{"GET", "/api/stores/" + id, "", "GetStore", &storesv1.GetStoreRequest{Id: id}},
		{"PUT", "/api/stores/" + id + "/participating", "", "EnableParticipation", &storesv1.EnableParticipationRequest{Id: id}},
		{"PUT", "/api/stores/" + id + "/participating", "{}", "EnableParticipation", &storesv1.EnableParticipationRequest{Id: id}},
		{"DELETE", "/api/stores/" + id + "/participating", "", "DisableParticipation", &storesv1.DisableParticipationRequest{Id: id}},
		{"DELETE", "/api/stores/" + id + "/participating", "{}", "DisableParticipation", &storesv1.DisableParticipationRequest{Id: id}},
		{"PUT", "/api/stores/" + id + "/rebrand", `{"name":"Coffees"}`, "RebrandStore", &storesv1.RebrandStoreRequest{Id: id, Name: "Coffees"}},
		{"PUT", "/api/stores/" + id + "/rebrand", `{"name":"Coffees","id":"` + id + `"}`, "RebrandStore", &storesv1.RebrandStoreRequest{Id: id, Name: "Coffees"}},
		{"GET", "/api/stores/" + id + "/products?pageSize=2", "", "GetCatalog", &storesv1.GetCatalogRequest{StoreId: id, PageSize: 2}},
		{"GET", "/api/stores/products/" + id, "", "GetProduct", &storesv1.GetProductRequest{Id: id}},
		{"PUT", "/api/stores/products/" + id + "/rebrand", `{"name":"Tea"}`, "RebrandProduct", &storesv1.RebrandProductRequest{Id: id, Name: "Tea"}},
		{"DELETE", "/api/stores/products/" + id, "", "RemoveProduct", &storesv1.RemoveProductRequest{Id: id}},
		{
			"POST", "/api/stores/" + id + "/products", `{"name":"Tea","sku":"1","price":{"currencyCode":"USD","minorUnits":"999"}}`, "AddProduct",
			&storesv1.AddProductRequest{StoreId: id, Name: "Tea", Sku: "1", Price: &moneyv1.Money{CurrencyCode: "USD", MinorUnits: 999}},
		},
		{
			"POST", "/api/stores/" + id + "/products", `{"name":"Tea","sku":"1","price":{"currency_code":"USD","minorUnits":999}}`, "AddProduct",
			&storesv1.AddProductRequest{StoreId: id, Name: "Tea", Sku: "1", Price: &moneyv1.Money{CurrencyCode: "USD", MinorUnits: 999}},
		},
	}
	for _, c := range cases {
		got := m.do(t, c.method, c.path, c.body)
		require.Equal(t, http.StatusOK, got.status, "%s %s: %s", c.method, c.path, got.body)
		require.Equal(t, c.called, m.stores.called, "%s %s", c.method, c.path)
		require.True(t, proto.Equal(c.with, m.stores.with), "%s %s: %v", c.method, c.path, m.stores.with)
	}
}

func TestQueriesCarryTimesEnumsAndText(t *testing.T) {
	m := start(t)
	got := m.do(t, "GET", "/api/ordering?customerId="+id+"&status=ORDER_STATUS_READY&createdAfter=2026-11-22T08:30:00.5%2B01:00&created_before=2026-12-01T00:00:00Z", "")
	require.Equal(t, http.StatusOK, got.status, got.body)
	req, ok := m.ordering.with.(*orderingv1.ListOrdersRequest)
	require.True(t, ok)
	require.Equal(t, orderingv1.OrderStatus_ORDER_STATUS_READY, req.GetStatus())
	require.Equal(t, "2026-11-22T07:30:00.5Z", req.GetCreatedAfter().AsTime().Format("2006-01-02T15:04:05.999Z07:00"))
	require.NotNil(t, req.GetCreatedBefore())

	got = m.do(t, "GET", "/api/ordering/"+id+"?asOf=2026-11-22T08:30:00Z", "")
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Contains(t, got.body, `"createdAt":"2026-11-22T08:30:00Z"`)

	got = m.do(t, "DELETE", "/api/depot/shopping/"+id+"?reason=too+slow%21", "")
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.True(t, proto.Equal(&depotv1.CancelShoppingListRequest{Id: id, Reason: "too slow!"}, m.depot.with))
}

func TestAnAnswerHasAllItsFields(t *testing.T) {
	m := start(t)
	got := m.do(t, "GET", "/api/stores/"+id, "")
	require.Equal(t, "application/json", got.header.Get("Content-Type"))
	require.Equal(t, `"3"`, got.header.Get("ETag"))
	require.Equal(t, `{"store":{"id":"`+id+`","name":"Teas & <Coffees>","location":"","participating":false}}`, got.body)
	require.Equal(t, `{"stores":[],"nextPageToken":""}`, m.do(t, "GET", "/api/stores", "").body)
	require.Contains(t, m.do(t, "GET", "/api/stores/products/"+id, "").body, `"price":{"currencyCode":"USD","minorUnits":"999"}`)

	head := m.do(t, "HEAD", "/api/stores/"+id, "")
	require.Equal(t, http.StatusOK, head.status)
	require.Equal(t, `"3"`, head.header.Get("ETag"))
	require.Empty(t, head.body)
}

func TestWhatHasNoRouteIsAProblem(t *testing.T) {
	m := start(t)
	for _, path := range []string{"/api/nothing", "/", "/api/stores/" + id + "/nothing", "/api/stores/" + id + "/"} {
		got := m.do(t, "GET", path, "")
		require.Equal(t, http.StatusNotFound, got.status, path)
		require.Equal(t, "ROUTE_UNKNOWN", got.problem(t).Code)
	}
	got := m.do(t, "DELETE", "/api/stores/"+id, "")
	require.Equal(t, http.StatusMethodNotAllowed, got.status)
	require.Equal(t, "METHOD_NOT_ALLOWED", got.problem(t).Code)
	require.Equal(t, "GET, HEAD", got.header.Get("Allow"))
	got = m.do(t, "PATCH", "/api/stores/"+id+"/participating", "")
	require.Equal(t, http.StatusMethodNotAllowed, got.status)
	require.Equal(t, "PUT, DELETE", got.header.Get("Allow"))
	got = m.do(t, "PUT", "/api/stores", "{}")
	require.Equal(t, "GET, HEAD, POST", got.header.Get("Allow"))
}

func TestAMethodThatIsNotWrittenYetSaysSo(t *testing.T) {
	got := start(t).do(t, "GET", "/api/customers/"+id, "")
	require.Equal(t, http.StatusNotImplemented, got.status)
	require.Equal(t, "UNIMPLEMENTED", got.problem(t).Code)
}
