package browser

import (
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/host"
	"mallbots/internal/host/hosttest"
)

// mall is a running mall with a few goods.
type mall struct {
	*hosttest.Mall
	dir              string // of its databases
	stores, products []string
}

// shelves are what is in the mall's stores.
var shelves = []struct {
	store, location string
	products        []string
}{
	{"Waldorf Books", "Ground floor, west", []string{"Atlas of Small Rivers", "Notebook", "Pencil"}},
	{"Kitchen & Co", "Ground floor, east", []string{"Cast Iron Pan", "Bread Knife", "Tea Towel"}},
	{"Field & Trail", "First floor", []string{"Water Bottle", "Head Lamp", "Wool Socks"}},
}

// start runs a whole mall, with goods on its shelves.
func start(t *testing.T) *mall {
	t.Helper()
	m := &mall{dir: t.TempDir()}
	m.Mall = hosttest.StartWith(t, host.Config{Data: m.dir, Log: hosttest.Log(t)}, modules...)
	for i, s := range shelves {
		store := id(m.OK(t, "POST", "/api/stores", object{"name": s.store, "location": s.location}))
		m.OK(t, "PUT", "/api/stores/"+store+"/participating", nil)
		m.stores = append(m.stores, store)
		for j, name := range s.products {
			m.product(t, store, name, 450+3000*j+777*i, 100)
		}
	}
	m.Settle(t)
	return m
}

// product puts a product on a store's shelf, and receives some of it.
func (m *mall) product(t *testing.T, store, name string, cents, stock int) string {
	t.Helper()
	r := m.Do(t, "POST", "/api/stores/"+store+"/products", object{
		"name": name, "sku": name, "description": "What everybody needs.", "price": object{"currencyCode": "USD", "minorUnits": cents},
	})
	require.Equal(t, 200, r.Status, r.Text)
	product := id(r.Body)
	m.products = append(m.products, product)
	m.After(r.Header.Get("Mallbots-Position"))
	m.OK(t, "PUT", "/api/depot/stock/"+product+"/receive", object{"quantity": stock})
	return product
}

// order checks out a basket of a new customer with some products, and returns
// the order's id.
func (m *mall) order(t *testing.T, name string, products ...string) string {
	t.Helper()
	customer := id(m.OK(t, "POST", "/api/customers", object{"name": name, "smsNumber": "+1 555 0100"}))
	m.Settle(t)
	basket := id(m.OK(t, "POST", "/api/baskets", object{"customerId": customer}))
	for i, p := range products {
		m.OK(t, "PUT", "/api/baskets/"+basket+"/addItem", object{"productId": p, "quantity": i + 1})
	}
	m.OK(t, "PUT", "/api/baskets/"+basket+"/checkout", object{"paymentId": "p1"})
	m.Settle(t)
	return basket
}

// pick has the order's list picked by a new bot.
func (m *mall) pick(t *testing.T, order string) {
	t.Helper()
	bot := id(m.OK(t, "POST", "/api/depot/bots", object{"name": "Rosie"}))
	m.OK(t, "PUT", "/api/depot/shopping/"+order+"/assign", object{"botId": bot})
	m.OK(t, "PUT", "/api/depot/shopping/"+order+"/complete", object{})
	m.Settle(t)
}
