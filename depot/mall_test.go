package depot_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"mallbots/depot"
	"mallbots/internal/host"
	"mallbots/internal/host/hosttest"
	moneyv1 "mallbots/proto/mallbots/money/v1"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

// object is a JSON object.
type object = hosttest.Object

// mall is the depot among other modules that say what a test tells them to.
type mall struct {
	*hosttest.Mall
	stores, ordering *hosttest.Speaker
}

func start(t *testing.T) *mall {
	t.Parallel()
	m := &mall{stores: &hosttest.Speaker{}, ordering: &hosttest.Speaker{}}
	m.Mall = hosttest.Start(t, host.Module{Name: "depot", New: depot.New},
		m.stores.Module("stores"), m.ordering.Module("ordering"))
	return m
}

// say publishes events about key; the next request waits until the depot has
// heard of them.
func (m *mall) say(t *testing.T, s *hosttest.Speaker, key string, events ...proto.Message) {
	t.Helper()
	m.After(s.Say(t, key, events...))
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
	m.OK(t, "PUT", "/api/depot/stock/"+productID+"/receive", object{"quantity": units})
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
	s := m.OK(t, "GET", "/api/depot/stock/"+productID, nil)["stock"].(object)
	require.Equal(t, productID, s["productId"])
	n := func(name string) int { return int(s[name].(float64)) }
	return [4]int{n("received"), n("onHand"), n("reserved"), n("picked")}
}

// list returns a shopping list, its status without prefix.
func (m *mall) list(t *testing.T, id string) object {
	t.Helper()
	l := m.OK(t, "GET", "/api/depot/shopping/"+id, nil)["shoppingList"].(object)
	l["status"] = l["status"].(string)[len("SHOPPING_LIST_STATUS_"):]
	return l
}

// bot registers a bot and returns its id.
func (m *mall) bot(t *testing.T, name string) string {
	t.Helper()
	return m.OK(t, "POST", "/api/depot/bots", object{"name": name})["id"].(string)
}

// bots are the statuses of all bots by name, without prefix.
func (m *mall) bots(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, b := range m.OK(t, "GET", "/api/depot/bots", nil)["bots"].([]any) {
		all[b.(object)["name"].(string)] = b.(object)["status"].(string)[len("BOT_STATUS_"):]
	}
	return all
}

func (m *mall) assign(t *testing.T, listID, botID string) {
	t.Helper()
	m.OK(t, "PUT", "/api/depot/shopping/"+listID+"/assign", object{"botId": botID})
}

func (m *mall) complete(t *testing.T, listID string) {
	t.Helper()
	m.OK(t, "PUT", "/api/depot/shopping/"+listID+"/complete", object{})
}
