package depot_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"mallbots/depot"
	"mallbots/internal/database"
	"mallbots/internal/host"
	"mallbots/internal/host/hosttest"
	"mallbots/internal/outbox"
	moneyv1 "mallbots/proto/mallbots/money/v1"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

// object is a JSON object.
type object = map[string]any

// mall is the depot among other modules that say what a test tells them to.
type mall struct {
	*hosttest.Mall
	stores, ordering *speaker
	after            []string // headers: what the next request waits for
}

func start(t *testing.T) *mall {
	t.Parallel()
	m := &mall{stores: &speaker{}, ordering: &speaker{}}
	m.Mall = hosttest.Start(t, host.Module{Name: "depot", New: depot.New},
		m.stores.module("stores"), m.ordering.module("ordering"))
	return m
}

// speaker is a module that publishes what it is told to.
type speaker struct{ db database.DB }

func (s *speaker) module(name string) host.Module {
	return host.Module{Name: name, New: func(ctx context.Context, h *host.Host) error {
		service, err := h.Service(ctx, name, nil)
		if err != nil {
			return err
		}
		s.db = service.DB
		return nil
	}}
}

// publish says events about key, and returns the position of the last.
func (s *speaker) publish(t *testing.T, key string, events ...proto.Message) string {
	t.Helper()
	ctx, positions := outbox.Track(t.Context())
	require.NoError(t, s.db.InTx(ctx, func(tx database.Tx) error {
		for _, e := range events {
			if err := outbox.Publish(ctx, tx, key, e); err != nil {
				return err
			}
		}
		return nil
	}))
	position, ok := positions.Last()
	require.True(t, ok)
	return position
}

// say publishes events about key; the next request waits until the depot has
// heard of them.
func (m *mall) say(t *testing.T, s *speaker, key string, events ...proto.Message) {
	t.Helper()
	m.after = append(m.after, "Mallbots-After", s.publish(t, key, events...))
}

func usd(minorUnits int64) *moneyv1.Money {
	return &moneyv1.Money{CurrencyCode: "USD", MinorUnits: minorUnits}
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// store opens a store in London and returns its id.
func (m *mall) store(t *testing.T) string {
	t.Helper()
	id := newID()
	m.say(t, m.stores, id,
		&storesv1.StoreCreated{StoreId: id, Name: "Exotic Liquids", Location: "London, UK"},
		&storesv1.StoreParticipationChanged{StoreId: id, Participating: true})
	return id
}

// product adds a product to a store, receives so many units and returns its id.
func (m *mall) product(t *testing.T, storeID, name string, units int) string {
	t.Helper()
	id := newID()
	m.say(t, m.stores, id, &storesv1.ProductAdded{ProductId: id, StoreId: storeID, Name: name, Sku: name, Price: usd(1800)})
	if units > 0 {
		m.receive(t, id, units)
	}
	return id
}

func (m *mall) receive(t *testing.T, productID string, units int) {
	t.Helper()
	m.ok(t, "PUT", "/api/depot/stock/"+productID+"/receive", object{"quantity": units})
}

// created is the order of so many units of each product, from one store.
func created(id, storeID string, lines ...line) *orderingv1.OrderCreated {
	e := &orderingv1.OrderCreated{OrderId: id, CustomerId: newID(), Total: usd(0)}
	for _, l := range lines {
		e.Items = append(e.Items, &orderingv1.OrderCreatedItem{
			StoreId: storeID, StoreName: "Exotic Liquids", ProductId: l.product, ProductName: "Tea", Price: usd(1800), Quantity: int32(l.units),
		})
	}
	return e
}

type line struct {
	product string
	units   int
}

// order orders, and returns the order's id.
func (m *mall) order(t *testing.T, storeID string, lines ...line) string {
	t.Helper()
	id := newID()
	m.say(t, m.ordering, id, created(id, storeID, lines...))
	return id
}

// levels is what there is of a product: received, on hand, reserved, picked.
func (m *mall) levels(t *testing.T, productID string) [4]int {
	t.Helper()
	s := m.ok(t, "GET", "/api/depot/stock/"+productID, nil)["stock"].(object)
	require.Equal(t, productID, s["productId"])
	n := func(name string) int { return int(s[name].(float64)) }
	return [4]int{n("received"), n("onHand"), n("reserved"), n("picked")}
}

// list returns a shopping list, its status without prefix.
func (m *mall) list(t *testing.T, id string) object {
	t.Helper()
	l := m.ok(t, "GET", "/api/depot/shopping/"+id, nil)["shoppingList"].(object)
	l["status"] = l["status"].(string)[len("SHOPPING_LIST_STATUS_"):]
	return l
}

// bot registers a bot and returns its id.
func (m *mall) bot(t *testing.T, name string) string {
	t.Helper()
	return m.ok(t, "POST", "/api/depot/bots", object{"name": name})["id"].(string)
}

// bots are the statuses of all bots by name, without prefix.
func (m *mall) bots(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, b := range m.ok(t, "GET", "/api/depot/bots", nil)["bots"].([]any) {
		all[b.(object)["name"].(string)] = b.(object)["status"].(string)[len("BOT_STATUS_"):]
	}
	return all
}

func (m *mall) assign(t *testing.T, listID, botID string) {
	t.Helper()
	m.ok(t, "PUT", "/api/depot/shopping/"+listID+"/assign", object{"botId": botID})
}

func (m *mall) complete(t *testing.T, listID string) {
	t.Helper()
	m.ok(t, "PUT", "/api/depot/shopping/"+listID+"/complete", object{})
}

// do calls the API after all that was said before.
func (m *mall) do(t *testing.T, method, path string, body any, headers ...string) hosttest.Response {
	t.Helper()
	headers = append(headers, m.after...)
	m.after = nil
	return m.Do(t, method, path, body, headers...)
}

// ok calls the API and returns the body of a success.
func (m *mall) ok(t *testing.T, method, path string, body any, headers ...string) object {
	t.Helper()
	r := m.do(t, method, path, body, headers...)
	require.Equal(t, http.StatusOK, r.Status, r.Text)
	require.NotNil(t, r.Body, r.Text)
	return r.Body
}

// refused calls the API and requires a problem with a status and a code.
func (m *mall) refused(t *testing.T, status int, code, method, path string, body any, headers ...string) string {
	t.Helper()
	r := m.do(t, method, path, body, headers...)
	require.Equal(t, status, r.Status, r.Text)
	require.Contains(t, r.Header.Get("Content-Type"), "application/problem+json")
	require.Equal(t, code, r.Body["code"], r.Text)
	return r.Text
}
