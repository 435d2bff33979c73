package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// restDoor sends a request as it is written.
type restDoor struct{ url string }

func (d restDoor) send(t *testing.T, method, target, body string, headers []string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, d.url+target, strings.NewReader(body))
	require.NoError(t, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for n := 0; n < len(headers); n += 2 {
		req.Header.Add(headers[n], headers[n+1])
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, res.Body.Close()) }()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	a := answer{status: res.StatusCode, body: string(text), etag: res.Header.Get("ETag"), position: res.Header.Get("Mallbots-Position")}
	if res.StatusCode != http.StatusOK {
		a.code, a.violations = requireProblem(t, res, text)
		return a
	}
	require.Equal(t, "application/json", res.Header.Get("Content-Type"))
	return a
}

// requireProblem requires that an error is a complete problem, and returns its
// code and the fields it names.
func requireProblem(t *testing.T, res *http.Response, body []byte) (code string, fields []string) {
	t.Helper()
	require.Equal(t, "application/problem+json", res.Header.Get("Content-Type"), "%s", body)
	require.NotEqual(t, http.StatusInternalServerError, res.StatusCode, "%s", body)
	var problem struct {
		Type, Title, Detail, Code *string
		Status                    int
		Violations                []struct{ Field, Description string }
	}
	require.NoError(t, json.Unmarshal(body, &problem), "%s", body)
	for _, member := range []*string{problem.Type, problem.Title, problem.Detail, problem.Code} {
		require.NotNil(t, member, "%s", body)
		require.NotEmpty(t, *member, "%s", body)
	}
	require.Equal(t, res.StatusCode, problem.Status)
	require.NotNil(t, problem.Violations, "an empty list is written too: %s", body)
	for _, v := range problem.Violations {
		require.NotEmpty(t, v.Description)
		fields = append(fields, v.Field)
	}
	return *problem.Code, fields
}

// grpcDoor sends a request over gRPC, as the proto's annotations translate it.
type grpcDoor struct{ connection *grpc.ClientConn }

func newGRPCDoor(t *testing.T, url string) grpcDoor {
	t.Helper()
	connection, err := grpc.NewClient(strings.TrimPrefix(url, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, connection.Close()) })
	return grpcDoor{connection}
}

func (d grpcDoor) send(t *testing.T, method, target, body string, headers []string) answer {
	t.Helper()
	rpc, variables := findMethod(method, target)
	require.NotNil(t, rpc, "%s %s", method, target)
	req, res := requestMessage(t, rpc, variables, target, body), blank(t, rpc.Output())
	var header metadata.MD
	ctx := metadata.AppendToOutgoingContext(t.Context(), lower(headers)...)
	err := d.connection.Invoke(ctx, "/"+string(rpc.Parent().FullName())+"/"+string(rpc.Name()), req, res, grpc.Header(&header))
	if err != nil {
		return refusal(t, status.Convert(err))
	}
	text, err := protojson.MarshalOptions{EmitUnpopulated: true}.Marshal(res)
	require.NoError(t, err)
	return answer{status: 200, body: string(text), etag: first(header.Get("etag")), position: first(header.Get("mallbots-position"))}
}

// requestMessage is what a REST request says: path, query and body.
func requestMessage(t *testing.T, rpc protoreflect.MethodDescriptor, variables map[string]string, target, body string) proto.Message {
	t.Helper()
	fields := map[string]any{}
	if body != "" {
		require.NoError(t, json.Unmarshal([]byte(body), &fields), body)
	}
	for name, value := range variables {
		fields[name] = value
	}
	_, query, _ := strings.Cut(target, "?")
	parameters, err := url.ParseQuery(query)
	require.NoError(t, err)
	for name := range parameters {
		fields[name] = parameters.Get(name)
	}
	text, err := json.Marshal(fields)
	require.NoError(t, err)
	message := blank(t, rpc.Input())
	require.NoError(t, protojson.Unmarshal(text, message), "%s", text)
	return message
}

// refusal is what a gRPC error says, with the status that REST gives it.
func refusal(t *testing.T, s *status.Status) answer {
	t.Helper()
	a := answer{body: s.Message()}
	for _, detail := range s.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			a.code = detail.GetReason()
		case *errdetails.BadRequest:
			for _, v := range detail.GetFieldViolations() {
				a.violations = append(a.violations, v.GetField())
			}
		}
	}
	switch s.Code() {
	case codes.InvalidArgument:
		a.status = 400
	case codes.NotFound:
		a.status = 404
	case codes.FailedPrecondition, codes.AlreadyExists, codes.Aborted:
		a.status = 409
	case codes.Unavailable:
		a.status = 503
	default:
		require.Fail(t, "a code that no request should lead to", "%s: %s", s.Code(), s.Message())
	}
	switch a.code { // gRPC has no codes of its own for these
	case "VERSION_STALE":
		a.status = 412
	case "IDEMPOTENCY_KEY_REUSED":
		a.status = 422
	}
	return a
}

func blank(t *testing.T, message protoreflect.MessageDescriptor) proto.Message {
	t.Helper()
	kind, err := protoregistry.GlobalTypes.FindMessageByName(message.FullName())
	require.NoError(t, err)
	return kind.New().Interface()
}

// lower spells header names as HTTP/2 does.
func lower(headers []string) []string {
	spelled := append([]string{}, headers...)
	for n := 0; n < len(spelled); n += 2 {
		spelled[n] = strings.ToLower(spelled[n])
	}
	return spelled
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}
