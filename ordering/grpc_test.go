package ordering_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	orderingv1 "mallbots/proto/mallbots/ordering/v1"
)

// TestEveryRPCAnswersGRPC calls each RPC with the client of grpc-go: once as it
// should be, and once as it can not be.
func TestEveryRPCAnswersGRPC(t *testing.T) {
	m := start(t)
	conn, err := grpc.NewClient(strings.TrimPrefix(m.URL, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	call := func(rpc string, req, res proto.Message) error {
		return conn.Invoke(t.Context(), "/mallbots.ordering.v1.OrderingService/"+rpc, req, res)
	}
	customer, approved, ready := m.customer(t), m.in(t, "APPROVED"), m.in(t, "READY")

	for _, c := range []struct {
		rpc     string
		good    proto.Message
		res     proto.Message
		bad     proto.Message
		refusal codes.Code
	}{
		{"RegisterCustomer", &orderingv1.RegisterCustomerRequest{Name: "Eve", SmsNumber: "1"}, &orderingv1.RegisterCustomerResponse{}, &orderingv1.RegisterCustomerRequest{Name: "Eve"}, codes.InvalidArgument},
		{"GetCustomer", &orderingv1.GetCustomerRequest{Id: customer}, &orderingv1.GetCustomerResponse{}, &orderingv1.GetCustomerRequest{Id: unknown}, codes.NotFound},
		{"RenameCustomer", &orderingv1.RenameCustomerRequest{Id: customer, Name: "Ida"}, &orderingv1.RenameCustomerResponse{}, &orderingv1.RenameCustomerRequest{Id: customer}, codes.InvalidArgument},
		{"ChangeSmsNumber", &orderingv1.ChangeSmsNumberRequest{Id: customer, SmsNumber: "2"}, &orderingv1.ChangeSmsNumberResponse{}, &orderingv1.ChangeSmsNumberRequest{Id: unknown, SmsNumber: "2"}, codes.NotFound},
		{"DisableCustomer", &orderingv1.DisableCustomerRequest{Id: customer}, &orderingv1.DisableCustomerResponse{}, &orderingv1.DisableCustomerRequest{Id: customer}, codes.FailedPrecondition},
		{"EnableCustomer", &orderingv1.EnableCustomerRequest{Id: customer}, &orderingv1.EnableCustomerResponse{}, &orderingv1.EnableCustomerRequest{Id: customer}, codes.FailedPrecondition},
		{"GetOrder", &orderingv1.GetOrderRequest{Id: ready, AsOf: timestamppb.Now()}, &orderingv1.GetOrderResponse{}, &orderingv1.GetOrderRequest{Id: ready, AsOf: &timestamppb.Timestamp{Seconds: 1 << 60}}, codes.InvalidArgument},
		{"ListOrders", &orderingv1.ListOrdersRequest{CustomerId: customer}, &orderingv1.ListOrdersResponse{}, &orderingv1.ListOrdersRequest{CreatedAfter: &timestamppb.Timestamp{Nanos: -1}}, codes.InvalidArgument},
		{"GetOrderHistory", &orderingv1.GetOrderHistoryRequest{Id: ready}, &orderingv1.GetOrderHistoryResponse{}, &orderingv1.GetOrderHistoryRequest{Id: "one"}, codes.InvalidArgument},
		{"CancelOrder", &orderingv1.CancelOrderRequest{Id: approved}, &orderingv1.CancelOrderResponse{}, &orderingv1.CancelOrderRequest{Id: approved}, codes.FailedPrecondition},
		{"CompleteOrder", &orderingv1.CompleteOrderRequest{Id: ready, InvoiceId: "i1"}, &orderingv1.CompleteOrderResponse{}, &orderingv1.CompleteOrderRequest{Id: ready, InvoiceId: "i1"}, codes.FailedPrecondition},
	} {
		t.Run(c.rpc, func(t *testing.T) {
			require.NoError(t, call(c.rpc, c.good, c.res))
			require.Equal(t, c.refusal.String(), status.Code(call(c.rpc, c.bad, c.res)).String())
		})
	}
	t.Run("WatchOrder", func(t *testing.T) {
		watch := func(id string) grpc.ClientStream {
			stream, err := conn.NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true}, "/mallbots.ordering.v1.OrderingService/WatchOrder")
			require.NoError(t, err)
			require.NoError(t, stream.SendMsg(&orderingv1.WatchOrderRequest{Id: id}))
			require.NoError(t, stream.CloseSend())
			return stream
		}
		res := &orderingv1.WatchOrderResponse{}
		id := m.in(t, "PENDING")
		stream := watch(id)
		require.NoError(t, stream.RecvMsg(res))
		require.Equal(t, orderingv1.OrderStatus_ORDER_STATUS_PENDING, res.GetOrder().GetStatus())
		m.reserved(t, id)
		require.NoError(t, stream.RecvMsg(res))
		require.Equal(t, orderingv1.OrderStatus_ORDER_STATUS_APPROVED, res.GetOrder().GetStatus())
		require.WithinDuration(t, time.Now(), res.GetOrder().GetUpdatedAt().AsTime(), time.Minute)
		require.Equal(t, codes.NotFound, status.Code(watch(unknown).RecvMsg(res)))
	})
}
