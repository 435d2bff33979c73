package api_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"mallbots/internal/api"
	"mallbots/internal/fault"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

const (
	createStore  = "/mallbots.stores.v1.StoresService/CreateStore"
	getStore     = "/mallbots.stores.v1.StoresService/GetStore"
	rebrandStore = "/mallbots.stores.v1.StoresService/RebrandStore"
)

var errParticipating = fault.New(fault.Conflict, "STORE_PARTICIPATING", "the store participates already")

func TestEveryProtocolCarriesTheSameAnswer(t *testing.T) {
	s := start(t, api.Options{}, api.Process{}, &stores{}, nil)

	t.Run("gRPC", func(t *testing.T) {
		var res storesv1.GetStoreResponse
		var header metadata.MD
		require.NoError(t, s.dial(t).Invoke(t.Context(), getStore, &storesv1.GetStoreRequest{Id: storeID}, &res, grpc.Header(&header)))
		require.Equal(t, "Teas", res.GetStore().GetName())
		require.Equal(t, []string{`"7"`}, header.Get("etag"))
		require.Len(t, header.Get("x-correlation-id"), 1)
	})
	t.Run("Connect", func(t *testing.T) {
		res, err := s.stores.GetStore(t.Context(), &storesv1.GetStoreRequest{Id: storeID})
		require.NoError(t, err)
		require.Equal(t, "Teas", res.GetStore().GetName())
	})
	t.Run("Connect JSON", func(t *testing.T) {
		code, body := post(t, s.url+getStore, "application/json", []byte(`{"id":"`+storeID+`"}`))
		require.Equal(t, http.StatusOK, code)
		require.JSONEq(t, `{"store":{"id":"`+storeID+`","name":"Teas","location":"","participating":false}}`, string(body))
	})
	t.Run("gRPC-Web", func(t *testing.T) {
		message, err := proto.Marshal(&storesv1.GetStoreRequest{Id: storeID})
		require.NoError(t, err)
		code, body := post(t, s.url+getStore, "application/grpc-web+proto", frame(message))
		require.Equal(t, http.StatusOK, code)
		var res storesv1.GetStoreResponse
		require.Equal(t, byte(0), body[0], "a message comes first")
		size := binary.BigEndian.Uint32(body[1:5])
		require.NoError(t, proto.Unmarshal(body[5:5+size], &res))
		require.Equal(t, "Teas", res.GetStore().GetName())
		trailer := body[5+size:]
		require.Equal(t, byte(0x80), trailer[0], "then the trailers")
		require.Contains(t, strings.ToLower(string(trailer[5:])), "grpc-status: 0")
	})
	t.Run("REST", func(t *testing.T) {
		res, err := http.Get(s.url + "/api/stores/" + storeID)
		require.NoError(t, err)
		defer res.Body.Close()
		require.Equal(t, `"7"`, res.Header.Get("ETag"))
		require.NotEmpty(t, res.Header.Get("X-Correlation-Id"))
	})
}

func TestEveryKindOfFaultHasItsCodeAndItsStatus(t *testing.T) {
	cases := map[string]struct {
		err    error
		code   codes.Code
		status int
		reason string
	}{
		"invalid":       {fault.New(fault.Invalid, "X", "x"), codes.InvalidArgument, 400, "X"},
		"unknown thing": {fault.New(fault.NotFound, "STORE_NOT_FOUND", "x"), codes.NotFound, 404, "STORE_NOT_FOUND"},
		"wrong state":   {errParticipating.With("store %s", storeID), codes.FailedPrecondition, 409, "STORE_PARTICIPATING"},
		"exists":        {fault.New(fault.Conflict, "SKU_EXISTS", "x"), codes.AlreadyExists, 409, "SKU_EXISTS"},
		"lost race":     {fault.New(fault.Conflict, "CONCURRENT_CHANGE", "x"), codes.Aborted, 409, "CONCURRENT_CHANGE"},
		"stale":         {fault.New(fault.Precondition, "VERSION_STALE", "x"), codes.FailedPrecondition, 412, "VERSION_STALE"},
		"key reused":    {api.ErrKeyReused, codes.InvalidArgument, 422, "IDEMPOTENCY_KEY_REUSED"},
		"nobody":        {fault.New(fault.Unauthenticated, "X", "x"), codes.Unauthenticated, 401, "X"},
		"forbidden":     {fault.New(fault.Forbidden, "X", "x"), codes.PermissionDenied, 403, "X"},
		"too many":      {fault.New(fault.TooMany, "X", "x"), codes.ResourceExhausted, 429, "X"},
		"unavailable":   {fault.New(fault.Unavailable, "X", "x"), codes.Unavailable, 503, "X"},
		"out of time":   {context.DeadlineExceeded, codes.DeadlineExceeded, 503, "DEADLINE_EXCEEDED"},
		"network":       {io.ErrUnexpectedEOF, codes.Unavailable, 503, "UNAVAILABLE"},
		"anything else": {errors.New("the password is 12345"), codes.Internal, 500, "INTERNAL"},
	}
	var failure error
	s := start(t, api.Options{}, api.Process{}, &stores{create: func(context.Context, *storesv1.CreateStoreRequest) (*storesv1.CreateStoreResponse, error) {
		return nil, failure
	}}, nil)
	connection := s.dial(t)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			failure = c.err
			req := &storesv1.CreateStoreRequest{Name: "Teas", Location: "Hall 1"}

			got := status.Convert(connection.Invoke(t.Context(), createStore, req, &storesv1.CreateStoreResponse{}))
			require.Equal(t, c.code, got.Code())
			require.NotContains(t, got.Message(), "12345")
			require.Len(t, got.Details(), 1)
			info, ok := got.Details()[0].(*errdetails.ErrorInfo)
			require.True(t, ok)
			require.Equal(t, c.reason, info.GetReason())
			require.Equal(t, "mallbots", info.GetDomain())

			_, err := s.stores.CreateStore(t.Context(), req)
			f, ok := api.FromWire(err)
			require.True(t, ok)
			require.Equal(t, c.reason, f.Code)
			require.Equal(t, c.status, f.Kind.Status())

			code, body := post(t, s.url+"/api/stores", "application/json", []byte(`{"name":"Teas","location":"Hall 1"}`))
			require.Equal(t, c.status, code)
			require.NotContains(t, string(body), "12345")
			var problem struct{ Code, Detail string }
			require.NoError(t, json.Unmarshal(body, &problem))
			require.Equal(t, c.reason, problem.Code)
			require.NotEmpty(t, problem.Detail)
		})
	}
	require.Contains(t, s.log.String(), "the password is 12345", "the log has the truth")
}

func TestAPanicIsAnInternalErrorThatIsLogged(t *testing.T) {
	s := start(t, api.Options{}, api.Process{}, &stores{create: func(context.Context, *storesv1.CreateStoreRequest) (*storesv1.CreateStoreResponse, error) {
		panic("secret state")
	}}, nil)
	for range 2 {
		code, body := post(t, s.url+"/api/stores", "application/json", []byte(`{"name":"Teas","location":"Hall 1"}`))
		require.Equal(t, http.StatusInternalServerError, code)
		require.NotContains(t, string(body), "secret")
	}
	require.Contains(t, s.log.String(), "secret state")
	require.Contains(t, s.log.String(), "protocols_test.go", "with the stack")
}

func TestARuleInTheProtoIsNamedInEveryProtocol(t *testing.T) {
	s := start(t, api.Options{}, api.Process{}, &stores{}, nil)
	err := s.dial(t).Invoke(t.Context(), createStore, &storesv1.CreateStoreRequest{Location: "Hall 1"}, &storesv1.CreateStoreResponse{})
	got := status.Convert(err)
	require.Equal(t, codes.InvalidArgument, got.Code())
	require.Len(t, got.Details(), 2)
	info, ok := got.Details()[0].(*errdetails.ErrorInfo)
	require.True(t, ok)
	require.Equal(t, "STORE_NAME_BLANK", info.GetReason())
	bad, ok := got.Details()[1].(*errdetails.BadRequest)
	require.True(t, ok)
	require.Equal(t, "name", bad.GetFieldViolations()[0].GetField())

	code, body := post(t, s.url+"/api/stores/"+storeID+"/products", "application/json",
		[]byte(`{"name":"Tea","sku":"1","price":{"currencyCode":"USD","minorUnits":-1}}`))
	require.Equal(t, http.StatusBadRequest, code)
	require.Contains(t, string(body), `"field":"price.minorUnits"`)
	require.Contains(t, string(body), `"code":"MINOR_UNITS_OUT_OF_RANGE"`)
}

func TestAMessageOverOneMebibyteIsRefused(t *testing.T) {
	s := start(t, api.Options{}, api.Process{}, &stores{}, nil)
	big := &storesv1.CreateStoreRequest{Name: strings.Repeat("x", 1<<20), Location: "Hall 1"}
	require.Equal(t, codes.InvalidArgument, status.Code(s.dial(t).Invoke(t.Context(), createStore, big, &storesv1.CreateStoreResponse{})))
	_, err := s.stores.CreateStore(t.Context(), big)
	f, ok := api.FromWire(err)
	require.True(t, ok)
	require.Equal(t, "BODY_TOO_LARGE", f.Code)
}

func TestHealthTellsWhatReadinessSays(t *testing.T) {
	var broken atomic.Bool
	ready := func() error {
		if broken.Load() {
			return errors.New("relay stopped")
		}
		return nil
	}
	s := start(t, api.Options{}, api.Process{Ready: ready}, &stores{}, nil)
	client := grpc_health_v1.NewHealthClient(s.dial(t))

	res, err := client.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
	require.NoError(t, err)
	require.Equal(t, grpc_health_v1.HealthCheckResponse_SERVING, res.GetStatus())
	_, err = client.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: "mallbots.stores.v1.StoresService"})
	require.NoError(t, err)
	_, err = client.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: "nobody"})
	require.Equal(t, codes.NotFound, status.Code(err))

	watch, err := client.Watch(t.Context(), &grpc_health_v1.HealthCheckRequest{})
	require.NoError(t, err)
	res, err = watch.Recv()
	require.NoError(t, err)
	require.Equal(t, grpc_health_v1.HealthCheckResponse_SERVING, res.GetStatus())
	broken.Store(true)
	res, err = watch.Recv()
	require.NoError(t, err)
	require.Equal(t, grpc_health_v1.HealthCheckResponse_NOT_SERVING, res.GetStatus())
}

func TestReflectionDescribesTheServices(t *testing.T) {
	s := start(t, api.Options{}, api.Process{}, &stores{}, nil)
	stream, err := grpc_reflection_v1.NewServerReflectionClient(s.dial(t)).ServerReflectionInfo(t.Context())
	require.NoError(t, err)
	ask := func(req *grpc_reflection_v1.ServerReflectionRequest) *grpc_reflection_v1.ServerReflectionResponse {
		require.NoError(t, stream.Send(req))
		res, err := stream.Recv()
		require.NoError(t, err)
		return res
	}
	res := ask(&grpc_reflection_v1.ServerReflectionRequest{MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_ListServices{}})
	var names []string
	for _, service := range res.GetListServicesResponse().GetService() {
		names = append(names, service.GetName())
	}
	require.ElementsMatch(t, []string{"grpc.health.v1.Health", "mallbots.stores.v1.StoresService"}, names)
	for _, name := range names {
		res = ask(&grpc_reflection_v1.ServerReflectionRequest{MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: name}})
		require.NotEmpty(t, res.GetFileDescriptorResponse().GetFileDescriptorProto(), name)
	}
}

func TestAModuleThatRunsElsewhereIsNamed(t *testing.T) {
	s := start(t, api.Options{}, api.Process{}, &stores{}, nil)
	for _, request := range []string{"GET /api/ordering/" + storeID, "POST /api/customers", "DELETE /api/ordering/" + storeID} {
		method, path, _ := strings.Cut(request, " ")
		req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, nil)
		require.NoError(t, err)
		code, body := do(t, req)
		require.Equal(t, http.StatusNotFound, code)
		require.Contains(t, string(body), "MODULE_NOT_RUNNING")
		require.Contains(t, string(body), "it runs stores, and not ordering")
	}
	err := s.dial(t).Invoke(t.Context(), "/mallbots.ordering.v1.OrderingService/GetOrder", &storesv1.GetStoreRequest{}, &storesv1.GetStoreResponse{})
	require.Equal(t, codes.Unimplemented, status.Code(err))
	require.Contains(t, status.Convert(err).Message(), "not ordering")
	code, body := post(t, s.url+"/mallbots.ordering.v1.OrderingService/GetOrder", "application/json", []byte(`{}`))
	require.Equal(t, http.StatusNotImplemented, code)
	require.Contains(t, string(body), "not ordering")

	err = s.dial(t).Invoke(t.Context(), "/mallbots.stores.v1.StoresService/Nothing", &storesv1.GetStoreRequest{}, &storesv1.GetStoreResponse{})
	require.Equal(t, codes.Unimplemented, status.Code(err))
}

// frame is a message as gRPC puts it on the wire.
func frame(message []byte) []byte {
	head := make([]byte, 5, 5+len(message))
	binary.BigEndian.PutUint32(head[1:], uint32(len(message)))
	return append(head, message...)
}

func post(t *testing.T, url, contentType string, body []byte) (int, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", contentType)
	return do(t, req)
}

func do(t *testing.T, req *http.Request) (int, []byte) {
	t.Helper()
	client := http.Client{Timeout: 20 * time.Second}
	res, err := client.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, body
}
