package depot_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	depotv1 "mallbots/proto/mallbots/depot/v1"
)

// TestEveryRPCAnswersGRPC calls each RPC with the client of grpc-go: once as it
// should be, and once as it can not be.
func TestEveryRPCAnswersGRPC(t *testing.T) {
	m := start(t)
	conn, err := grpc.NewClient(strings.TrimPrefix(m.URL, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	call := func(rpc string, req, res proto.Message) error {
		return conn.Invoke(t.Context(), "/mallbots.depot.v1.DepotService/"+rpc, req, res)
	}
	store := m.store(t)
	tea := m.product(t, store, "Tea", 10)
	first, second := m.order(t, store, line{tea, 1}), m.order(t, store, line{tea, 1})
	bot := m.bot(t, "R2")

	for _, c := range []struct {
		rpc     string
		good    proto.Message
		res     proto.Message
		bad     proto.Message
		refusal codes.Code
	}{
		{"ReceiveStock", &depotv1.ReceiveStockRequest{ProductId: tea, Quantity: 1}, &depotv1.ReceiveStockResponse{}, &depotv1.ReceiveStockRequest{ProductId: tea}, codes.InvalidArgument},
		{"GetStock", &depotv1.GetStockRequest{ProductId: tea}, &depotv1.GetStockResponse{}, &depotv1.GetStockRequest{ProductId: unknown}, codes.NotFound},
		{"ListStock", &depotv1.ListStockRequest{}, &depotv1.ListStockResponse{}, &depotv1.ListStockRequest{PageSize: 101}, codes.InvalidArgument},
		{"ListShoppingLists", &depotv1.ListShoppingListsRequest{OrderId: first}, &depotv1.ListShoppingListsResponse{}, &depotv1.ListShoppingListsRequest{OrderId: "one"}, codes.InvalidArgument},
		{"GetShoppingList", &depotv1.GetShoppingListRequest{Id: first}, &depotv1.GetShoppingListResponse{}, &depotv1.GetShoppingListRequest{Id: unknown}, codes.NotFound},
		{"RegisterBot", &depotv1.RegisterBotRequest{Name: "C3"}, &depotv1.RegisterBotResponse{}, &depotv1.RegisterBotRequest{}, codes.InvalidArgument},
		{"ListBots", &depotv1.ListBotsRequest{}, &depotv1.ListBotsResponse{}, &depotv1.ListBotsRequest{PageToken: "?"}, codes.InvalidArgument},
		{"AssignShoppingList", &depotv1.AssignShoppingListRequest{Id: first, BotId: bot}, &depotv1.AssignShoppingListResponse{}, &depotv1.AssignShoppingListRequest{Id: second, BotId: bot}, codes.FailedPrecondition},
		{"CompleteShoppingList", &depotv1.CompleteShoppingListRequest{Id: first}, &depotv1.CompleteShoppingListResponse{}, &depotv1.CompleteShoppingListRequest{Id: second}, codes.FailedPrecondition},
		{"CancelShoppingList", &depotv1.CancelShoppingListRequest{Id: second, Reason: "flood"}, &depotv1.CancelShoppingListResponse{}, &depotv1.CancelShoppingListRequest{Id: first}, codes.FailedPrecondition},
	} {
		t.Run(c.rpc, func(t *testing.T) {
			require.NoError(t, call(c.rpc, c.good, c.res))
			require.Equal(t, c.refusal.String(), status.Code(call(c.rpc, c.bad, c.res)).String())
		})
	}
	m.Audit(t)
}
