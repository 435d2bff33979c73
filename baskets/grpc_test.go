package baskets_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	basketsv1 "mallbots/proto/mallbots/baskets/v1"
)

// TestEveryRPCAnswersGRPC calls each RPC with the client of grpc-go: once as it
// should be, and once as it can not be.
func TestEveryRPCAnswersGRPC(t *testing.T) {
	m := start(t)
	chai := m.product(t, m.store(t), "Chai", 1800)
	id := strings.TrimPrefix(m.basket(t), "/api/baskets/")
	other := strings.TrimPrefix(m.basket(t), "/api/baskets/")
	conn, err := grpc.NewClient(strings.TrimPrefix(m.URL, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	call := func(rpc string, req, res proto.Message) error {
		return conn.Invoke(t.Context(), "/mallbots.baskets.v1.BasketsService/"+rpc, req, res)
	}
	for _, c := range []struct {
		rpc     string
		good    proto.Message
		res     proto.Message
		bad     proto.Message
		refusal codes.Code
	}{
		{"StartBasket", &basketsv1.StartBasketRequest{CustomerId: unknown}, &basketsv1.StartBasketResponse{}, &basketsv1.StartBasketRequest{}, codes.InvalidArgument},
		{"GetBasket", &basketsv1.GetBasketRequest{Id: id}, &basketsv1.GetBasketResponse{}, &basketsv1.GetBasketRequest{Id: unknown}, codes.NotFound},
		{"AddItem", &basketsv1.AddItemRequest{Id: id, ProductId: chai, Quantity: 2}, &basketsv1.AddItemResponse{}, &basketsv1.AddItemRequest{Id: id, ProductId: chai}, codes.InvalidArgument},
		{"RemoveItem", &basketsv1.RemoveItemRequest{Id: id, ProductId: chai, Quantity: 1}, &basketsv1.RemoveItemResponse{}, &basketsv1.RemoveItemRequest{Id: id, ProductId: unknown, Quantity: 1}, codes.NotFound},
		{"CheckoutBasket", &basketsv1.CheckoutBasketRequest{Id: id, PaymentId: "p1"}, &basketsv1.CheckoutBasketResponse{}, &basketsv1.CheckoutBasketRequest{Id: other, PaymentId: "p1"}, codes.FailedPrecondition},
		{"CancelBasket", &basketsv1.CancelBasketRequest{Id: other}, &basketsv1.CancelBasketResponse{}, &basketsv1.CancelBasketRequest{Id: id}, codes.FailedPrecondition},
	} {
		t.Run(c.rpc, func(t *testing.T) {
			require.NoError(t, call(c.rpc, c.good, c.res))
			require.Equal(t, c.refusal.String(), status.Code(call(c.rpc, c.bad, c.res)).String())
		})
	}
	m.Audit(t)
}
