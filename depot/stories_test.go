package depot_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"mallbots/depot"
	"mallbots/internal/broker/brokertest"
	"mallbots/internal/host"
	"mallbots/internal/host/hosttest"
	"mallbots/internal/secret"
	"mallbots/ordering"
)

// deed is one thing that somebody does to the mall.
type deed struct {
	what    string
	order   int // which of the orders so far
	product int
	units   int
}

// stories are what may happen to a few orders, in any order and at any pace.
var stories = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) deed {
	return deed{
		what: rapid.SampledFrom([]string{
			"check out", "check out", "check out", "cancel order", "cancel list", "assign", "assign", "pick", "pick", "collect", "receive", "restart broker",
		}).Draw(t, "what"),
		order: rapid.IntRange(0, 7).Draw(t, "order"), product: rapid.IntRange(0, 2).Draw(t, "product"), units: rapid.IntRange(1, 6).Draw(t, "units"),
	}
}), 10, 40)

// TestEveryStoryEndsOnceWithTheStockConserved has customers, staff and bots do
// whatever they like with real orders, without waiting for each other, while the
// broker is restarted, forgets what was acknowledged last and delivers it again.
func TestEveryStoryEndsOnceWithTheStockConserved(t *testing.T) {
	t.Parallel()
	server := brokertest.NewExternal(t)
	m := &withOrdering{mall: &mall{stores: &hosttest.Speaker{}}, baskets: &hosttest.Speaker{}}
	m.Mall = hosttest.StartWith(t, host.Config{Data: t.TempDir(), NATSURL: secret.Text(server.URL()), Log: hosttest.Log(t)},
		host.Module{Name: "depot", New: depot.New}, host.Module{Name: "ordering", New: ordering.New}, m.stores.Module("stores"), m.baskets.Module("baskets"))
	m.customer = m.OK(t, "POST", "/api/customers", object{"name": "Ada", "smsNumber": "+44 1"})["id"].(string)
	store := m.store(t)
	bot := m.bot(t, "R2")
	for seed := range 6 {
		story := stories.Example(seed)
		t.Run(fmt.Sprint("story ", seed), func(t *testing.T) {
			products := []string{m.product(t, store, "Tea", 10), m.product(t, store, "Coffee", 3), m.product(t, store, "Cocoa", 1)}
			orders := m.live(t, server, story, store, bot, products)
			m.Settle(t)
			statuses := m.ends(t, orders)
			m.Audit(t)
			for id, status := range statuses { // what is still on its way is called off
				if status == "PENDING" || status == "APPROVED" {
					m.OK(t, "DELETE", "/api/ordering/"+id, nil)
				}
			}
			m.Settle(t)
			m.ends(t, orders)
			for _, product := range products {
				l := m.levels(t, product)
				require.Equal(t, l[0], l[1]+l[3], "all is on hand, or picked for a customer who comes")
				require.Zero(t, l[2], "nothing stays reserved")
			}
			m.Audit(t)
		})
	}
}

// live plays a story, and returns the orders in it. Refusals are part of it;
// errors of the mall's own are not.
func (m *withOrdering) live(t *testing.T, server *brokertest.External, story []deed, store, bot string, products []string) (orders []string) {
	t.Helper()
	do := func(method, path string, body any) {
		r := m.Do(t, method, path, body)
		require.Less(t, r.Status, 500, "%s %s: %s", method, path, r.Text)
	}
	for _, d := range story {
		id := ""
		if len(orders) > 0 {
			id = orders[d.order%len(orders)]
		}
		switch {
		case d.what == "check out":
			orders = append(orders, m.checkOut(t, store, line{products[d.product], d.units}, line{products[(d.product+1)%3], 1}))
		case d.what == "receive":
			do("PUT", "/api/depot/stock/"+products[d.product]+"/receive", object{"quantity": d.units})
		case d.what == "restart broker":
			server.Stop()
			server.Start()
		case id == "":
		case d.what == "cancel order":
			do("DELETE", "/api/ordering/"+id, nil)
		case d.what == "cancel list":
			do("DELETE", "/api/depot/shopping/"+id, nil)
		case d.what == "assign":
			do("PUT", "/api/depot/shopping/"+id+"/assign", object{"botId": bot})
		case d.what == "pick":
			do("PUT", "/api/depot/shopping/"+id+"/complete", object{})
		case d.what == "collect":
			do("PUT", "/api/ordering/"+id+"/complete", object{"invoiceId": "i1"})
		}
	}
	return orders
}

// ends requires that no order ended twice, or went on after its end, and returns
// their statuses.
func (m *withOrdering) ends(t *testing.T, orders []string) map[string]string {
	t.Helper()
	statuses := map[string]string{}
	for _, id := range orders {
		r := m.Do(t, "GET", "/api/ordering/"+id, nil)
		require.Equal(t, http.StatusOK, r.Status, r.Text)
		statuses[id] = r.Body["order"].(object)["status"].(string)[len("ORDER_STATUS_"):]
		var ended string
		for _, e := range m.OK(t, "GET", "/api/ordering/"+id+"/history", nil)["events"].([]any) {
			name := e.(object)["name"].(string)
			require.Empty(t, ended, "order %s: %s after its end", id, name)
			if name == "Rejected" || name == "Canceled" || name == "Completed" {
				ended = name
			}
		}
		final := map[string]string{"REJECTED": "Rejected", "CANCELED": "Canceled", "COMPLETED": "Completed"}[statuses[id]]
		require.Equal(t, final, ended, "order %s is %s", id, statuses[id])
	}
	return statuses
}
