package stores_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	moneyv1 "mallbots/proto/mallbots/money/v1"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

// TestEveryRPCAnswersGRPC calls each RPC with the client of grpc-go: once as it
// should be, and once as it can not be.
func TestEveryRPCAnswersGRPC(t *testing.T) {
	m := start(t)
	conn, err := grpc.NewClient(strings.TrimPrefix(m.URL, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	call := func(rpc string, req, res proto.Message) error {
		return conn.Invoke(t.Context(), "/mallbots.stores.v1.StoresService/"+rpc, req, res)
	}
	money := func(minorUnits int64) *moneyv1.Money {
		return &moneyv1.Money{CurrencyCode: "USD", MinorUnits: minorUnits}
	}

	created, added := &storesv1.CreateStoreResponse{}, &storesv1.AddProductResponse{}
	require.NoError(t, call("CreateStore", &storesv1.CreateStoreRequest{Name: "Exotic Liquids", Location: "London"}, created))
	store := created.GetId()
	require.NoError(t, call("AddProduct", &storesv1.AddProductRequest{StoreId: store, Name: "Chai", Sku: "1", Price: money(1800)}, added))
	product := added.GetId()

	for _, c := range []struct {
		rpc     string
		good    proto.Message
		res     proto.Message
		bad     proto.Message
		refusal codes.Code
	}{
		{"CreateStore", &storesv1.CreateStoreRequest{Name: "Tokyo Traders", Location: "Tokyo"}, &storesv1.CreateStoreResponse{}, &storesv1.CreateStoreRequest{}, codes.InvalidArgument},
		{"EnableParticipation", &storesv1.EnableParticipationRequest{Id: store}, &storesv1.EnableParticipationResponse{}, &storesv1.EnableParticipationRequest{Id: unknown}, codes.NotFound},
		{"GetStores", &storesv1.GetStoresRequest{}, &storesv1.GetStoresResponse{}, &storesv1.GetStoresRequest{PageSize: 101}, codes.InvalidArgument},
		{"GetParticipatingStores", &storesv1.GetParticipatingStoresRequest{}, &storesv1.GetParticipatingStoresResponse{}, &storesv1.GetParticipatingStoresRequest{PageToken: "?"}, codes.InvalidArgument},
		{"GetStore", &storesv1.GetStoreRequest{Id: store}, &storesv1.GetStoreResponse{}, &storesv1.GetStoreRequest{Id: unknown}, codes.NotFound},
		{"DisableParticipation", &storesv1.DisableParticipationRequest{Id: store}, &storesv1.DisableParticipationResponse{}, &storesv1.DisableParticipationRequest{Id: "one"}, codes.InvalidArgument},
		{"RebrandStore", &storesv1.RebrandStoreRequest{Id: store, Name: "Liquids"}, &storesv1.RebrandStoreResponse{}, &storesv1.RebrandStoreRequest{Id: store}, codes.InvalidArgument},
		{"AddProduct", &storesv1.AddProductRequest{StoreId: store, Name: "Ikura", Sku: "2", Price: money(3100)}, &storesv1.AddProductResponse{}, &storesv1.AddProductRequest{StoreId: store, Name: "Ikura", Sku: "2"}, codes.InvalidArgument},
		{"GetCatalog", &storesv1.GetCatalogRequest{StoreId: store}, &storesv1.GetCatalogResponse{}, &storesv1.GetCatalogRequest{StoreId: unknown}, codes.NotFound},
		{"GetProduct", &storesv1.GetProductRequest{Id: product}, &storesv1.GetProductResponse{}, &storesv1.GetProductRequest{Id: unknown}, codes.NotFound},
		{"RebrandProduct", &storesv1.RebrandProductRequest{Id: product, Name: "Tea"}, &storesv1.RebrandProductResponse{}, &storesv1.RebrandProductRequest{Id: product, Name: " "}, codes.InvalidArgument},
		{"IncreaseProductPrice", &storesv1.IncreaseProductPriceRequest{Id: product, Price: money(1900)}, &storesv1.IncreaseProductPriceResponse{}, &storesv1.IncreaseProductPriceRequest{Id: product, Price: money(-1)}, codes.InvalidArgument},
		{"DecreaseProductPrice", &storesv1.DecreaseProductPriceRequest{Id: product, Price: money(0)}, &storesv1.DecreaseProductPriceResponse{}, &storesv1.DecreaseProductPriceRequest{Id: unknown, Price: money(0)}, codes.NotFound},
		{"RemoveProduct", &storesv1.RemoveProductRequest{Id: product}, &storesv1.RemoveProductResponse{}, &storesv1.RemoveProductRequest{Id: unknown}, codes.NotFound},
	} {
		t.Run(c.rpc, func(t *testing.T) {
			require.NoError(t, call(c.rpc, c.good, c.res))
			require.Equal(t, c.refusal, status.Code(call(c.rpc, c.bad, c.res)))
		})
	}
	require.Equal(t, codes.FailedPrecondition.String(), status.Code(call("RemoveProduct", &storesv1.RemoveProductRequest{Id: product}, &storesv1.RemoveProductResponse{})).String())
	m.Audit(t)
}
