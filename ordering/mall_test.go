package ordering_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"mallbots/internal/host"
	"mallbots/internal/host/hosttest"
	"mallbots/ordering"
	basketsv1 "mallbots/proto/mallbots/baskets/v1"
	depotv1 "mallbots/proto/mallbots/depot/v1"
	moneyv1 "mallbots/proto/mallbots/money/v1"
)

// object is a JSON object.
type object = hosttest.Object

// mall is the ordering module among others that say what a test tells them to.
type mall struct {
	*hosttest.Mall
	baskets, depot *hosttest.Speaker
}

func start(t *testing.T) *mall {
	t.Parallel()
	m := &mall{baskets: &hosttest.Speaker{}, depot: &hosttest.Speaker{}}
	m.Mall = hosttest.Start(t, host.Module{Name: "ordering", New: ordering.New},
		m.baskets.Module("baskets"), m.depot.Module("depot"))
	return m
}

// say publishes events about key; the next request waits until ordering has
// heard of them.
func (m *mall) say(t *testing.T, s *hosttest.Speaker, key string, events ...proto.Message) {
	t.Helper()
	m.After(s.Say(t, key, events...))
}

func usd(minorUnits int64) *moneyv1.Money {
	return &moneyv1.Money{CurrencyCode: "USD", MinorUnits: minorUnits}
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// The store and the products of every basket here.
var store, chai, ikura = newID(), newID(), newID()

// checkedOut is a basket of 2 x 18.00 and 3 x 31.00.
func checkedOut(basketID, customerID string) *basketsv1.BasketCheckedOut {
	return &basketsv1.BasketCheckedOut{
		BasketId: basketID, CustomerId: customerID, PaymentId: "p1", Total: usd(12900),
		Items: []*basketsv1.BasketCheckedOutItem{
			{StoreId: store, StoreName: "Exotic Liquids", ProductId: chai, ProductName: "Chai", Price: usd(1800), Quantity: 2},
			{StoreId: store, StoreName: "Exotic Liquids", ProductId: ikura, ProductName: "Ikura", Price: usd(3100), Quantity: 3},
		},
	}
}

// customer registers a customer and returns the id.
func (m *mall) customer(t *testing.T) string {
	t.Helper()
	return m.OK(t, "POST", "/api/customers", object{"name": "Ada", "smsNumber": "+44 1"})["id"].(string)
}

// checkOut lets a customer check a basket out, waits for the order and returns
// its id.
func (m *mall) checkOut(t *testing.T, customerID string) string {
	t.Helper()
	id := newID()
	m.say(t, m.baskets, id, &basketsv1.BasketStarted{BasketId: id, CustomerId: customerID}, checkedOut(id, customerID))
	m.OK(t, "GET", "/api/ordering/"+id, nil)
	return id
}

// The depot's answers.
func (m *mall) reserved(t *testing.T, id string) {
	t.Helper()
	m.say(t, m.depot, id, &depotv1.StockReserved{OrderId: id})
}

func (m *mall) picked(t *testing.T, id string) {
	t.Helper()
	m.say(t, m.depot, id, &depotv1.ShoppingListCompleted{OrderId: id})
}

// in brings a new order into a status.
func (m *mall) in(t *testing.T, status string) string {
	t.Helper()
	customer := newID() // unknown
	if status != "REJECTED" {
		customer = m.customer(t)
	}
	id := m.checkOut(t, customer)
	if status == "APPROVED" || status == "READY" || status == "COMPLETED" {
		m.reserved(t, id)
	}
	if status == "READY" || status == "COMPLETED" {
		m.picked(t, id)
	}
	if status == "COMPLETED" {
		m.OK(t, "PUT", "/api/ordering/"+id+"/complete", object{"invoiceId": "i1"})
	}
	if status == "CANCELED" {
		m.OK(t, "DELETE", "/api/ordering/"+id, nil)
	}
	require.Equal(t, status, m.order(t, id)["status"])
	return id
}

// order returns an order, its status without prefix.
func (m *mall) order(t *testing.T, id string) object {
	t.Helper()
	o := m.OK(t, "GET", "/api/ordering/"+id, nil)["order"].(object)
	o["status"] = o["status"].(string)[len("ORDER_STATUS_"):]
	return o
}

// isDeadLetter says whether a message about key is among the dead letters.
func (m *mall) isDeadLetter(t *testing.T, key string) bool {
	t.Helper()
	r := m.Ops(t, "GET", "/deadletters", nil)
	require.Equal(t, http.StatusOK, r.Status, r.Text)
	return strings.Contains(r.Text, key)
}
