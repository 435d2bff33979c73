package api_test

import (
	"context"
	"encoding/binary"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"mallbots/internal/api"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

// watch opens a stream with a real gRPC client.
func (s *server) watch(ctx context.Context, t *testing.T, order string) grpc.ClientStream {
	t.Helper()
	stream, err := s.dial(t).NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, "/mallbots.ordering.v1.OrderingService/WatchOrder")
	require.NoError(t, err)
	require.NoError(t, stream.SendMsg(&orderingv1.WatchOrderRequest{Id: order}))
	require.NoError(t, stream.CloseSend())
	return stream
}

func TestAStreamGoesOnUntilTheServerStops(t *testing.T) {
	stopping := make(chan struct{})
	s := start(t, api.Options{Stopping: stopping, InFlight: 1}, api.Process{}, nil, &ordering{
		watch: func(ctx context.Context, _ *orderingv1.WatchOrderRequest, send func(*orderingv1.WatchOrderResponse) error) error {
			seen, _ := api.LastEventID(ctx)
			if err := send(&orderingv1.WatchOrderResponse{Order: &orderingv1.Order{Version: seen + 1}}); err != nil {
				return err
			}
			<-ctx.Done()
			return ctx.Err()
		},
	})
	stream := s.watch(metadata.AppendToOutgoingContext(t.Context(), "last-event-id", "41"), t, storeID)
	var res orderingv1.WatchOrderResponse
	require.NoError(t, stream.RecvMsg(&res))
	require.EqualValues(t, 42, res.GetOrder().GetVersion())

	second := s.watch(t.Context(), t, storeID)
	require.Equal(t, codes.ResourceExhausted, status.Code(second.RecvMsg(&res)), "one more than it may be")

	close(stopping)
	err := stream.RecvMsg(&res)
	require.Equal(t, codes.Unavailable, status.Code(err))
	require.Contains(t, status.Convert(err).Message(), "shutting down")
}

func TestAStreamValidatesToo(t *testing.T) {
	s := start(t, api.Options{}, api.Process{}, nil, &ordering{})
	malformed := s.watch(t.Context(), t, "7")
	var res orderingv1.WatchOrderResponse
	require.Equal(t, codes.InvalidArgument, status.Code(malformed.RecvMsg(&res)))
}

func TestErrorsReachGRPCWebAndConnectJSON(t *testing.T) {
	s := start(t, api.Options{}, api.Process{}, &stores{}, nil)
	message, err := proto.Marshal(&storesv1.GetStoreRequest{Id: "7"})
	require.NoError(t, err)
	code, body := post(t, s.url+getStore, "application/grpc-web+proto", frame(message))
	require.Equal(t, http.StatusOK, code)
	require.Equal(t, byte(0x80), body[0], "only trailers")
	require.EqualValues(t, len(body)-5, binary.BigEndian.Uint32(body[1:5]))
	require.Contains(t, strings.ToLower(string(body[5:])), "grpc-status: 3")

	code, body = post(t, s.url+getStore, "application/json", []byte(`{"id":"7"}`))
	require.Equal(t, http.StatusBadRequest, code)
	require.Contains(t, string(body), `"code":"invalid_argument"`)
	require.Contains(t, string(body), `"reason":"string.uuid"`)

	code, body = post(t, s.url+createStore, "application/json; charset=utf-8", []byte(`{"name":"Teas","location":"x","owner":"me"}`))
	require.Equal(t, http.StatusBadRequest, code)
	require.Contains(t, string(body), "REQUEST_MALFORMED")
	require.Contains(t, string(body), "owner")
}
