package baskets_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"mallbots/baskets"
	"mallbots/internal/host"
	"mallbots/internal/host/hosttest"
	"mallbots/internal/inbox"
	basketsv1 "mallbots/proto/mallbots/baskets/v1"
	moneyv1 "mallbots/proto/mallbots/money/v1"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

// object is a JSON object.
type object = hosttest.Object

// mall is the baskets module among others that say what a test tells them to.
// Stores and ordering are not the real ones: baskets knows them only by what
// they say.
type mall struct {
	*hosttest.Mall
	stores, ordering *hosttest.Speaker
	listener         *hosttest.Listener
}

func start(t *testing.T) *mall {
	t.Parallel()
	m := &mall{stores: &hosttest.Speaker{}, ordering: &hosttest.Speaker{}, listener: &hosttest.Listener{}}
	m.Mall = hosttest.Start(t, host.Module{Name: "baskets", New: baskets.New},
		m.stores.Module("stores"), m.ordering.Module("ordering"), m.listener.Module(func(in *inbox.Inbox) {
			hosttest.Hear[basketsv1.BasketStarted](m.listener, in)
			hosttest.Hear[basketsv1.BasketCheckedOut](m.listener, in)
			hosttest.Hear[basketsv1.BasketCanceled](m.listener, in)
		}))
	return m
}

// say publishes events about key; the next request waits until baskets has
// heard of them.
func (m *mall) say(t *testing.T, s *hosttest.Speaker, key string, events ...proto.Message) {
	t.Helper()
	m.After(s.Say(t, key, events...))
}

func usd(minorUnits int64) *moneyv1.Money {
	return &moneyv1.Money{CurrencyCode: "USD", MinorUnits: minorUnits}
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// store opens a participating store and returns its id.
func (m *mall) store(t *testing.T) string {
	t.Helper()
	id := newID()
	m.say(t, m.stores, id,
		&storesv1.StoreCreated{StoreId: id, Name: "Exotic Liquids", Location: "London, UK"},
		&storesv1.StoreParticipationChanged{StoreId: id, Participating: true})
	return id
}

// product adds a product to a store and returns its id.
func (m *mall) product(t *testing.T, storeID, name string, price int64) string {
	t.Helper()
	id := newID()
	m.say(t, m.stores, id, &storesv1.ProductAdded{ProductId: id, StoreId: storeID, Name: name, Sku: name, Price: usd(price)})
	return id
}

// reprice changes the price of a product.
func (m *mall) reprice(t *testing.T, productID string, price int64) {
	t.Helper()
	m.say(t, m.stores, productID, &storesv1.ProductPriceChanged{ProductId: productID, Price: usd(price)})
}

// basket starts a basket and returns its path.
func (m *mall) basket(t *testing.T) string {
	t.Helper()
	return "/api/baskets/" + m.OK(t, "POST", "/api/baskets", object{"customerId": newID()})["id"].(string)
}

// add puts units of a product into the basket at path.
func (m *mall) add(t *testing.T, path, productID string, quantity int) {
	t.Helper()
	m.OK(t, "PUT", path+"/addItem", object{"productId": productID, "quantity": quantity})
}

// line is an item of a basket, as far as tests look at it.
type line struct {
	product  string
	price    string
	quantity int
	now      string
	changed  bool
}

// look returns a basket's status, its total and its lines.
func (m *mall) look(t *testing.T, path string) (status, total string, lines []line) {
	t.Helper()
	b := m.OK(t, "GET", path, nil)["basket"].(object)
	for _, row := range b["items"].([]any) {
		i := row.(object)
		lines = append(lines, line{
			i["productName"].(string), i["productPrice"].(object)["minorUnits"].(string), int(i["quantity"].(float64)),
			i["currentPrice"].(object)["minorUnits"].(string), i["priceChanged"].(bool),
		})
	}
	return strings.TrimPrefix(b["status"].(string), "BASKET_STATUS_"), b["total"].(object)["minorUnits"].(string), lines
}

// disable says that a customer may not order.
func (m *mall) disable(t *testing.T, customerID string) {
	t.Helper()
	m.say(t, m.ordering, customerID, &orderingv1.CustomerDisabled{CustomerId: customerID})
}
