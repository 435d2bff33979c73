package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"mallbots/internal/credential"
	"mallbots/internal/host"
	"mallbots/internal/host/hosttest"
	"mallbots/internal/identity"
)

// guardedMall is a mall that asks everybody who they are.
type guardedMall struct {
	*hosttest.Mall
	conn *grpc.ClientConn
	keys map[string]string // by holder
}

// guardMall runs the mall with authentication on.
func guardMall(t *testing.T, config host.Config) *guardedMall {
	t.Helper()
	config.Auth, config.Data = "on", t.TempDir()
	if config.Log == nil {
		config.Log = hosttest.Log(t)
	}
	m := &guardedMall{Mall: hosttest.StartWith(t, config, modules...), keys: map[string]string{}}
	conn, err := grpc.NewClient(strings.TrimPrefix(m.URL, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	m.conn = conn
	return m
}

// key gives a holder an API key, as mallbots keys create does.
func (m *guardedMall) key(t *testing.T, holder string, role identity.Role, customer string, stores ...string) string {
	t.Helper()
	text, k := credential.NewKey()
	k.Holder, k.Roles, k.Customer, k.Stores, k.Expires = holder, []identity.Role{role}, customer, stores, time.Now().Add(time.Hour)
	r := m.Ops(t, "POST", "/keys", k)
	require.Equal(t, 200, r.Status, r.Text)
	m.keys[holder] = text.Reveal()
	return text.Reveal()
}

// as calls the API over REST with a holder's key, and requires success.
func (m *guardedMall) as(t *testing.T, holder, method, path string, body any) hosttest.Object {
	t.Helper()
	r := m.Do(t, method, path, body, "Authorization", "Bearer "+m.keys[holder])
	require.Equal(t, 200, r.Status, "%s %s: %s", method, path, r.Text)
	if position := r.Header.Get("Mallbots-Position"); position != "" {
		m.After(position)
	}
	return r.Body
}

// things are what belongs to somebody.
type things struct{ customer, store, product, order string }

// furnish gives somebody a customer, a store, a product with stock, and an order.
func (m *guardedMall) furnish(t *testing.T, name string) things {
	t.Helper()
	id := func(o hosttest.Object) string { return o["id"].(string) }
	w := things{customer: id(m.as(t, "service", "POST", "/api/customers", hosttest.Object{"name": name, "smsNumber": "+1 555 0100"}))}
	w.store = id(m.as(t, "service", "POST", "/api/stores", hosttest.Object{"name": name, "location": "Hall"}))
	m.as(t, "service", "PUT", "/api/stores/"+w.store+"/participating", nil)
	w.product = m.product(t, w.store)
	m.as(t, "service", "PUT", "/api/depot/stock/"+w.product+"/receive", hosttest.Object{"quantity": 100})
	w.order = m.basket(t, w)
	m.as(t, "service", "PUT", "/api/baskets/"+w.order+"/checkout", hosttest.Object{"paymentId": "p"})
	hosttest.Eventually(t, func() bool {
		r := m.Do(t, "GET", "/api/depot/shopping/"+w.order, nil, "Authorization", "Bearer "+m.keys["service"])
		return r.Status == 200
	})
	return w
}

func (m *guardedMall) product(t *testing.T, store string) string {
	t.Helper()
	body := hosttest.Object{"name": "Tea", "sku": fmt.Sprint(time.Now().UnixNano()), "price": hosttest.Object{"currencyCode": "USD", "minorUnits": 500}}
	return m.as(t, "service", "POST", "/api/stores/"+store+"/products", body)["id"].(string)
}

// basket is a new basket of somebody, with their product in it.
func (m *guardedMall) basket(t *testing.T, w things) string {
	t.Helper()
	id := m.as(t, "service", "POST", "/api/baskets", hosttest.Object{"customerId": w.customer})["id"].(string)
	hosttest.Eventually(t, func() bool { // that the module has heard of the product
		r := m.Do(t, "PUT", "/api/baskets/"+id+"/addItem", hosttest.Object{"productId": w.product, "quantity": 2}, "Authorization", "Bearer "+m.keys["service"])
		return r.Status == 200
	})
	return id
}

// request is a sound request of an RPC about somebody's things. What an RPC uses
// up is made for it.
func (m *guardedMall) request(t *testing.T, rpc protoreflect.MethodDescriptor, w things, bot string) proto.Message {
	t.Helper()
	module, name := strings.Split(string(rpc.FullName()), ".")[1], string(rpc.Name())
	ids := map[string]string{"customer_id": w.customer, "store_id": w.store, "product_id": w.product, "order_id": w.order, "bot_id": bot}
	switch {
	case module == "stores" && strings.Contains(name, "Product") && name != "AddProduct":
		ids["id"] = m.product(t, w.store)
	case module == "stores":
		ids["id"] = w.store
	case module == "baskets" && name != "StartBasket":
		ids["id"] = m.basket(t, w)
	case module == "ordering" && (strings.Contains(name, "Customer") || name == "ChangeSmsNumber"):
		ids["id"] = w.customer
	default:
		ids["id"] = w.order
	}
	req := dynamicpb.NewMessage(rpc.Input())
	for i := range rpc.Input().Fields().Len() {
		field := rpc.Input().Fields().Get(i)
		id, isID := ids[string(field.Name())]
		list := strings.HasPrefix(name, "List") || strings.HasPrefix(name, "Get") && rpc.Input().Fields().ByName("page_size") != nil
		switch {
		case list && field.Name() != "store_id" || list && name == "ListOrders": // no filter
		case isID:
			req.Set(field, protoreflect.ValueOfString(id))
		case field.Name() == "price":
			require.NoError(t, protojson.Unmarshal([]byte(`{"currencyCode":"USD","minorUnits":"700"}`), req.Mutable(field).Message().Interface()))
		case field.Name() == "quantity":
			req.Set(field, protoreflect.ValueOfInt32(1))
		case field.Kind() == protoreflect.StringKind:
			req.Set(field, protoreflect.ValueOfString(fmt.Sprint("x", time.Now().UnixNano())))
		}
	}
	return req
}

// call calls any RPC over gRPC with a key; none is a visitor. It returns the code
// of the answer, and the answer as JSON: the first one of a stream.
func (m *guardedMall) call(t *testing.T, rpc protoreflect.MethodDescriptor, key string, req proto.Message) (*status.Status, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), hosttest.Patience)
	defer cancel()
	if key != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+key)
	}
	path := fmt.Sprintf("/%s/%s", rpc.Parent().FullName(), rpc.Name())
	res := dynamicpb.NewMessage(rpc.Output())
	var err error
	if rpc.IsStreamingServer() {
		var stream grpc.ClientStream
		stream, err = m.conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, path)
		require.NoError(t, err)
		require.NoError(t, stream.SendMsg(req))
		require.NoError(t, stream.CloseSend())
		err = stream.RecvMsg(res)
	} else {
		err = m.conn.Invoke(ctx, path, req, res)
	}
	text, problem := protojson.Marshal(res)
	require.NoError(t, problem)
	return status.Convert(err), string(text)
}

// rpcs are all that the mall has, in the order of their names.
func rpcs() []protoreflect.MethodDescriptor {
	var all []protoreflect.MethodDescriptor
	for rpc := range methods() {
		all = append(all, rpc)
	}
	slices.SortFunc(all, func(a, b protoreflect.MethodDescriptor) int {
		return strings.Compare(string(a.FullName()), string(b.FullName()))
	})
	return all
}

// TestEveryRoleMayWhatItsPolicySays goes through every role, every RPC of every
// service, and what is the caller's and what is somebody else's.
func TestEveryRoleMayWhatItsPolicySays(t *testing.T) {
	m := guardMall(t, host.Config{})
	m.key(t, "service", identity.Service, "")
	own, other := m.furnish(t, "own"), m.furnish(t, "other")
	bot := m.as(t, "service", "POST", "/api/depot/bots", hosttest.Object{"name": "R2"})["id"].(string)
	keys := map[identity.Role]string{
		identity.Visitor: "", identity.Service: m.keys["service"],
		identity.Customer:   m.key(t, "customer", identity.Customer, own.customer),
		identity.StoreOwner: m.key(t, "owner", identity.StoreOwner, "", own.store),
		identity.DepotStaff: m.key(t, "staff", identity.DepotStaff, ""),
		identity.MallAdmin:  m.key(t, "admin", identity.MallAdmin, ""),
	}
	tried := 0
	for _, rpc := range rpcs() {
		policy, ok := identity.PolicyOf(rpc)
		require.True(t, ok, "%s declares no policy: nobody may call it", rpc.FullName())
		for role, key := range keys {
			for whose, w := range map[string]things{"their own": own, "somebody else's": other} {
				tried++
				about := fmt.Sprintf("%s by %s about %s", rpc.FullName(), role, whose)
				answer, body := m.call(t, rpc, key, m.request(t, rpc, w, bot))
				switch grant := policy.Grant(identity.Principal{Subject: "x", Roles: []identity.Role{role}}); {
				case grant == identity.None && role == identity.Visitor:
					require.Equal(t, codes.Unauthenticated, answer.Code(), "%s: %s", about, answer)
				case grant == identity.None:
					require.Equal(t, codes.PermissionDenied, answer.Code(), "%s: %s", about, answer)
				case rpc.Input().Fields().ByName("page_size") != nil:
					require.Equal(t, codes.OK, answer.Code(), "%s: %s", about, answer)
					if grant == identity.Own {
						require.Contains(t, body, own.customer, about)
						require.NotContains(t, body, other.customer, about)
					}
				case grant == identity.Own && whose == "somebody else's":
					require.Equal(t, codes.NotFound, answer.Code(), "%s: %s", about, answer)
				default: // it may be too late for it, but it is theirs to try
					require.Contains(t, []codes.Code{codes.OK, codes.FailedPrecondition, codes.AlreadyExists}, answer.Code(), "%s: %s", about, answer)
				}
			}
		}
	}
	require.Len(t, keys, 1+len(identity.Roles), "every role is tried")
	require.Equal(t, tried, len(methods())*len(keys)*2)
	t.Logf("%d RPCs, %d roles, their own and somebody else's: %d calls, 0 holes", len(methods()), len(keys), tried)
}

// TestPolicyIsAsDocumented holds the table of docs/security.md against the protos.
func TestPolicyIsAsDocumented(t *testing.T) {
	var table strings.Builder
	fmt.Fprintf(&table, "| RPC | about anything | about what is theirs |\n|---|---|---|\n")
	for _, rpc := range rpcs() {
		p, ok := identity.PolicyOf(rpc)
		require.True(t, ok, "%s declares no policy", rpc.FullName())
		fmt.Fprintf(&table, "| %s.%s | %s | %s |\n", rpc.Parent().Name(), rpc.Name(), roles(p.Any), roles(p.Own))
	}
	const file = "../../docs/security.md"
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(text), "<!-- policy -->\n")
	require.True(t, ok)
	documented, after, ok := strings.Cut(rest, "<!-- end of policy -->")
	require.True(t, ok)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, os.WriteFile(file, []byte(before+"<!-- policy -->\n"+table.String()+"<!-- end of policy -->"+after), 0o644))
		return
	}
	require.Equal(t, table.String(), documented, "run UPDATE_GOLDEN=1 go test ./cmd/mallbots -run PolicyIsAsDocumented, and read what changed")
}

func roles(all []identity.Role) string {
	names := make([]string, 0, len(all))
	for _, r := range all {
		names = append(names, string(r))
	}
	return strings.Join(names, ", ")
}

// TestWhatIsAnothersLooksLikeNothing compares what a stranger is told
// of what exists and of what does not.
func TestWhatIsAnothersLooksLikeNothing(t *testing.T) {
	m := guardMall(t, host.Config{})
	m.key(t, "service", identity.Service, "")
	own, other := m.furnish(t, "own"), m.furnish(t, "other")
	m.key(t, "customer", identity.Customer, own.customer)
	m.key(t, "owner", identity.StoreOwner, "", own.store)
	const nobody = "01920000-0000-7000-8000-000000000000"
	basket := m.basket(t, other)
	for _, c := range []struct{ holder, method, path, id, body string }{
		{"customer", "GET", "/api/ordering/ID", other.order, ""},
		{"customer", "GET", "/api/ordering/ID?asOf=2100-01-01T00:00:00Z", other.order, ""},
		{"customer", "GET", "/api/ordering/ID/history", other.order, ""},
		{"customer", "GET", "/api/ordering/ID/watch", other.order, ""},
		{"customer", "DELETE", "/api/ordering/ID", other.order, ""},
		{"customer", "GET", "/api/baskets/ID", basket, ""},
		{"customer", "PUT", "/api/baskets/ID/checkout", basket, `{"paymentId":"p"}`},
		{"customer", "DELETE", "/api/baskets/ID", basket, ""},
		{"customer", "GET", "/api/customers/ID", other.customer, ""},
		{"customer", "PUT", "/api/customers/ID/rename", other.customer, `{"name":"Mallory"}`},
		{"owner", "PUT", "/api/stores/ID/rebrand", other.store, `{"name":"Mallory"}`},
		{"owner", "DELETE", "/api/stores/products/ID", other.product, ""},
		{"owner", "PUT", "/api/stores/products/ID/decreasePrice", other.product, `{"price":{"currencyCode":"USD","minorUnits":1}}`},
	} {
		ask := func(id string, headers ...string) string {
			var body any
			if c.body != "" {
				body = c.body
			}
			r := m.Do(t, c.method, strings.Replace(c.path, "ID", id, 1), body, append(headers, "Authorization", "Bearer "+m.keys[c.holder])...)
			require.Equal(t, 404, r.Status, "%s %s: %s", c.method, c.path, r.Text)
			return strings.ReplaceAll(r.Text, id, "ID")
		}
		require.Equal(t, ask(nobody), ask(c.id), "%s %s", c.method, c.path)
		if c.method != "GET" {
			require.Equal(t, ask(nobody, "If-Match", `"999"`), ask(c.id, "If-Match", `"999"`), "%s %s with If-Match", c.method, c.path)
			require.Equal(t, ask(nobody, "Idempotency-Key", "k1"), ask(c.id, "Idempotency-Key", "k2"), "%s %s with a key", c.method, c.path)
		}
	}
	require.Contains(t, m.as(t, "service", "GET", "/api/stores/"+other.store, nil)["store"].(hosttest.Object)["name"], "other", "nothing has changed")
	m.Audit(t)
}

// TestWhatOneWasGivenIsNoUseToAnother sends what one principal was given in
// the name of another.
func TestWhatOneWasGivenIsNoUseToAnother(t *testing.T) {
	m := guardMall(t, host.Config{})
	m.key(t, "service", identity.Service, "")
	m.key(t, "admin", identity.MallAdmin, "")
	own, other := m.furnish(t, "own"), m.furnish(t, "other")
	m.key(t, "customer", identity.Customer, own.customer)
	m.key(t, "stranger", identity.Customer, other.customer)

	store := func(holder, name string) hosttest.Response {
		return m.Do(t, "POST", "/api/stores", hosttest.Object{"name": name, "location": "Hall"}, "Authorization", "Bearer "+m.keys[holder], "Idempotency-Key", "one")
	}
	first, second := store("service", "A"), store("admin", "A")
	require.Equal(t, 200, second.Status, second.Text)
	require.NotEqual(t, first.Body["id"], second.Body["id"], "a key is its principal's")
	require.Equal(t, 200, store("admin", "A").Status)
	require.Equal(t, 422, store("admin", "B").Status)

	for range 2 {
		m.as(t, "service", "PUT", "/api/baskets/"+m.basket(t, own)+"/checkout", hosttest.Object{"paymentId": "p"})
	}
	m.Settle(t)
	page := m.as(t, "customer", "GET", "/api/ordering?pageSize=1", nil)
	token := page["nextPageToken"].(string)
	require.NotEmpty(t, token)
	m.as(t, "customer", "GET", "/api/ordering?pageSize=1&pageToken="+token, nil)
	for _, c := range []struct{ holder, query string }{
		{"stranger", "?pageSize=1"},
		{"service", "?pageSize=1"},
		{"customer", "?status=ORDER_STATUS_READY"},
	} {
		r := m.Do(t, "GET", "/api/ordering"+c.query+"&pageToken="+token, nil, "Authorization", "Bearer "+m.keys[c.holder])
		require.Equal(t, 400, r.Status, r.Text)
		require.Equal(t, "PAGE_TOKEN_INVALID", r.Body["code"])
		rpc, _ := findMethod("GET", "/api/ordering")
		req := dynamicpb.NewMessage(rpc.Input())
		req.Set(rpc.Input().Fields().ByName("page_token"), protoreflect.ValueOfString(token))
		if c.holder == "customer" {
			req.Set(rpc.Input().Fields().ByName("status"), protoreflect.ValueOfEnum(4))
		}
		answer, _ := m.call(t, rpc, m.keys[c.holder], req)
		require.Equal(t, codes.InvalidArgument, answer.Code(), "%s", answer)
		require.Equal(t, "PAGE_TOKEN_INVALID", reasonOf(answer.Details()))
	}
	r := m.Do(t, "GET", "/api/ordering?customerId="+other.customer, nil, "Authorization", "Bearer "+m.keys["customer"])
	require.Equal(t, 200, r.Status)
	require.Empty(t, r.Body["orders"], "a filter does not widen a list")

	var history struct {
		Events []struct{ Actor string }
	}
	text := m.Do(t, "GET", "/api/ordering/"+own.order+"/history", nil, "Authorization", "Bearer "+m.keys["customer"]).Text
	require.NoError(t, json.Unmarshal([]byte(text), &history))
	require.NotEmpty(t, history.Events)
}
