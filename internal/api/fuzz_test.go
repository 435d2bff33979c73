package api_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"unicode"

	"connectrpc.com/connect/v2"
	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"mallbots/internal/api"
	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
	_ "mallbots/proto/mallbots/baskets/v1"
	_ "mallbots/proto/mallbots/depot/v1"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
	storesv1 "mallbots/proto/mallbots/stores/v1"
	"mallbots/proto/mallbots/stores/v1/storesv1connect"
)

// door is an API of every RPC that the contracts declare. Its methods require
// what a method may rely on, and answer with nothing in particular.
type door struct {
	router *chi.Mux
	routes []route
}

// route is one way in.
type route struct {
	method, pattern string
	rpc             protoreflect.MethodDescriptor
}

// openDoor finds the RPCs by their descriptors, so that a new one is fuzzed from
// the moment it exists.
func openDoor(t testing.TB) *door {
	t.Helper()
	d := &door{router: chi.NewRouter()}
	server := api.NewServer(api.Options{Log: slog.New(slog.DiscardHandler)})
	byProcedure := map[string]protoreflect.MethodDescriptor{}
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		if !strings.HasPrefix(string(file.Package()), "mallbots.") {
			return true
		}
		for i := range file.Services().Len() {
			methods := file.Services().Get(i).Methods()
			for j := range methods.Len() {
				md := methods.Get(j)
				procedure := "/" + string(md.Parent().FullName()) + "/" + string(md.Name())
				byProcedure[procedure] = md
				kind := connect.StreamTypeUnary
				if md.IsStreamingServer() {
					kind = connect.StreamTypeServer
				}
				server.Register(connect.Method{Spec: connect.Spec{StreamType: kind, Schema: md, Procedure: procedure}, Handler: serveAnything})
			}
		}
		return true
	})
	require.Greater(t, len(byProcedure), 40, "the contracts are not linked in")
	api.Mount(d.router, server, api.Process{Modules: []string{"stores", "baskets", "ordering", "depot"}})
	require.NoError(t, chi.Walk(d.router, func(method, pattern string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if strings.HasPrefix(pattern, "/api/") || byProcedure[pattern] != nil && method == http.MethodPost {
			d.routes = append(d.routes, route{method: method, pattern: pattern, rpc: byProcedure[pattern]})
		}
		return nil
	}))
	slices.SortFunc(d.routes, func(a, b route) int { return strings.Compare(a.pattern+a.method, b.pattern+b.method) })
	return d
}

// errUnsound is a message that no method should ever see.
var errUnsound = errors.New("a message passed that is not valid")

// serveAnything is the method behind every RPC: what it gets must be valid, and
// the same after a trip through JSON and bytes.
func serveAnything(_ context.Context, spec connect.Spec, stream connect.ServerStream) error {
	md, ok := spec.Schema.(protoreflect.MethodDescriptor)
	if !ok {
		return errUnsound
	}
	input, err := protoregistry.GlobalTypes.FindMessageByName(md.Input().FullName())
	if err != nil {
		return err
	}
	message := input.New().Interface()
	if err := stream.Receive(message); err != nil {
		return err
	}
	if api.Validate(message) != nil {
		return errUnsound
	}
	text, err := protojson.Marshal(message)
	again, back := input.New().Interface(), input.New().Interface()
	if err != nil || protojson.Unmarshal(text, again) != nil || !proto.Equal(message, again) {
		return errUnsound
	}
	data, err := proto.Marshal(message)
	if err != nil || proto.Unmarshal(data, back) != nil || !proto.Equal(message, back) {
		return errUnsound
	}
	output, err := protoregistry.GlobalTypes.FindMessageByName(md.Output().FullName())
	if err != nil {
		return err
	}
	return stream.Send(output.New().Interface())
}

var parameter = regexp.MustCompile(`\{[^}]*\}`)

// knock sends one request through the door.
func (d *door) knock(t testing.TB, n uint16, segment, query, headers string, body []byte) *httptest.ResponseRecorder {
	r := d.routes[int(n)%len(d.routes)]
	path := parameter.ReplaceAllString(r.pattern, strings.ReplaceAll(url.PathEscape(segment), "$", "$$"))
	req, err := http.NewRequestWithContext(t.Context(), r.method, "http://mall/", strings.NewReader(string(body)))
	require.NoError(t, err)
	req.URL.RawQuery = query
	if req.URL.Path, err = url.PathUnescape(path); err != nil {
		t.Fatal(err)
	}
	req.URL.RawPath = path
	req.Header.Set("Content-Type", "application/json")
	for line := range strings.SplitSeq(headers, "\n") {
		if name, value, ok := strings.Cut(line, ": "); ok {
			req.Header.Add(name, value)
		}
	}
	w := httptest.NewRecorder()
	d.router.ServeHTTP(w, req)
	return w
}

const sampleID = "01920000-0000-7000-8000-000000000001"

// sample is a message with something in every field.
func sample(d protoreflect.MessageDescriptor, depth int) protoreflect.Message {
	kind, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName())
	if err != nil || depth > 4 {
		return nil
	}
	m := kind.New()
	for i := range d.Fields().Len() {
		f := d.Fields().Get(i)
		var v protoreflect.Value
		switch f.Kind() {
		case protoreflect.StringKind:
			v = protoreflect.ValueOfString(sampleText(string(f.Name())))
		case protoreflect.BoolKind:
			v = protoreflect.ValueOfBool(true)
		case protoreflect.Int32Kind:
			v = protoreflect.ValueOfInt32(1)
		case protoreflect.Int64Kind:
			v = protoreflect.ValueOfInt64(1)
		case protoreflect.EnumKind:
			v = protoreflect.ValueOfEnum(1)
		case protoreflect.MessageKind:
			part := sample(f.Message(), depth+1)
			if part == nil {
				continue
			}
			v = protoreflect.ValueOfMessage(part)
		default:
			continue
		}
		if f.IsList() {
			list := m.NewField(f).List()
			list.Append(v)
			v = protoreflect.ValueOfList(list)
		}
		if !f.IsMap() {
			m.Set(f, v)
		}
	}
	return m
}

func sampleText(field string) string {
	switch {
	case field == "page_token":
		return ""
	case field == "currency_code":
		return "USD"
	case field == "id" || strings.HasSuffix(field, "_id") && field != "payment_id" && field != "invoice_id":
		return sampleID
	}
	return "x1"
}

// requestOf is the JSON of a sample request for a route, by its RPC.
func (d *door) requestOf(t testing.TB, rpc protoreflect.MethodDescriptor) []byte {
	t.Helper()
	text, err := protojson.Marshal(sample(rpc.Input(), 0).Interface())
	require.NoError(t, err)
	return text
}

func TestEveryRequestHasASampleThatIsTaken(t *testing.T) {
	d := openDoor(t)
	for n, r := range d.routes {
		if r.rpc != nil && !r.rpc.IsStreamingServer() {
			w := d.knock(t, uint16(n), sampleID, "", "", d.requestOf(t, r.rpc))
			require.Equal(t, http.StatusOK, w.Code, "%s: %s\n%s", r.pattern, d.requestOf(t, r.rpc), w.Body)
		}
	}
}

// FuzzEveryRequest sends anything to every route of every RPC: whatever it is, it
// is answered as the contract says, and what reaches a method is valid.
func FuzzEveryRequest(f *testing.F) {
	d := openDoor(f)
	for n, r := range d.routes {
		f.Add(uint16(n), sampleID, "", "", []byte("{}"))
		f.Add(uint16(n), "%2f\x00ä", "pageSize=1&pageToken=WzFd&asOf=x", "If-Match: \"1\"\nIdempotency-Key: k\nMallbots-After: stores/x@1\nLast-Event-ID: 7", []byte(`{"name":"\u0000","price":{"minorUnits":"9223372036854775808"}}`))
		if r.rpc != nil {
			f.Add(uint16(n), sampleID, "", "Traceparent: 00-x\nX-Correlation-Id: c1", d.requestOf(f, r.rpc))
		}
	}
	f.Fuzz(func(t *testing.T, n uint16, segment, query, headers string, body []byte) {
		if segment == "" || segment == "." || segment == ".." {
			return // another path
		}
		w := d.knock(t, n, segment, query, headers, body)
		switch {
		case w.Code >= http.StatusInternalServerError && w.Code != http.StatusNotImplemented && w.Code != http.StatusServiceUnavailable:
			t.Fatalf("%v %q ?%q %q %q: %d %s", d.routes[int(n)%len(d.routes)], segment, query, headers, body, w.Code, w.Body)
		case strings.HasPrefix(w.Header().Get("Content-Type"), "application/problem+json"):
			var problem struct {
				Status int
				Code   string
			}
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &problem), "%s", w.Body)
			require.Equal(t, w.Code, problem.Status)
			require.NotEmpty(t, problem.Code)
		}
	})
}

// FuzzPageToken reads anything as a token: it is refused, or is one that the
// list could have given out.
func FuzzPageToken(f *testing.F) {
	page, err := api.ParsePage(&orderingv1.ListOrdersRequest{}, "orders")
	require.NoError(f, err)
	f.Add(page.Next("7"))
	f.Add(page.Next("7", "\x00"))
	f.Add(page.Next("a", "b", "c")[1:])
	f.Add(base64.RawURLEncoding.EncodeToString([]byte(`["x",{}]`)))
	f.Fuzz(func(t *testing.T, token string) {
		read, err := api.ParsePage(&orderingv1.ListOrdersRequest{PageToken: token}, "orders")
		if err != nil {
			require.ErrorIs(t, err, api.ErrPageToken)
			return
		}
		if token == "" {
			return
		}
		require.NotEmpty(t, read.After)
		for _, key := range read.After {
			require.False(t, strings.ContainsFunc(key, unicode.IsControl))
		}
		again, err := api.ParsePage(&orderingv1.ListOrdersRequest{PageToken: page.Next(read.After...)}, "orders")
		require.NoError(t, err)
		require.Equal(t, read.After, again.After)
	})
}

// FuzzIdempotency sends a request twice under a key, and then another one: a key
// that is none is refused, the same request has one effect and one answer, and
// another request under the same key is refused.
func FuzzIdempotency(f *testing.F) {
	db := databasetest.Open(f, database.SQLite, "stores", migrations)
	var attempts atomic.Int64
	server := api.NewServer(api.Options{Log: slog.New(slog.DiscardHandler)})
	storesv1connect.RegisterStoresServiceHandler(server, creating(db, &attempts))
	r := chi.NewRouter()
	api.Mount(r, server, api.Process{Modules: []string{"stores"}})
	send := func(t *testing.T, key, name string) *httptest.ResponseRecorder {
		body, err := protojson.Marshal(&storesv1.CreateStoreRequest{Name: name, Location: "Hall 1"})
		if err != nil {
			t.Skip("no UTF-8")
		}
		req := httptest.NewRequest(http.MethodPost, "/api/stores", strings.NewReader(string(body)))
		req.Header.Set("Content-Type", "application/json")
		req.Header["Idempotency-Key"] = []string{key}
		w := httptest.NewRecorder()
		r.ServeHTTP(w, req)
		return w
	}
	for _, key := range []string{"k1", "", " ", "ä", "a b", "\x00", "\n", `"k"`, "'; DROP TABLE idempotency; --", strings.Repeat("k", 255), strings.Repeat("k", 256)} {
		f.Add(key, "Teas", "Coffees")
		f.Add(key, "Refused", "Refused")
	}
	f.Fuzz(func(t *testing.T, key, name, other string) {
		before := effects(t, db)
		first := send(t, key, name)
		once := effects(t, db)
		require.LessOrEqual(t, once, before+1)
		again := send(t, key, name)
		switch first.Code {
		case http.StatusOK:
			require.Equal(t, first.Body.String(), again.Body.String(), "one request, one answer")
			require.Equal(t, http.StatusOK, again.Code)
			require.Equal(t, once, effects(t, db), "and one effect")
			third := send(t, key, other)
			require.Equal(t, once, effects(t, db))
			if third.Code == http.StatusOK {
				require.Equal(t, name, other)
			}
		case http.StatusBadRequest, http.StatusConflict, http.StatusUnprocessableEntity:
			require.Equal(t, first.Code, again.Code)
		default:
			t.Fatalf("%q %q: %d %s", key, name, first.Code, first.Body)
		}
	})
}
