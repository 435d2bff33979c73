package depot_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/depot"
	"mallbots/internal/host"
	"mallbots/internal/host/hosttest"
	"mallbots/ordering"
	basketsv1 "mallbots/proto/mallbots/baskets/v1"
)

// withOrdering is the depot with the real ordering module; the baskets and the
// stores say what a test tells them to.
type withOrdering struct {
	*mall
	baskets  *hosttest.Speaker
	customer string
}

func startWithOrdering(t *testing.T) *withOrdering {
	t.Parallel()
	m := &withOrdering{mall: &mall{stores: &hosttest.Speaker{}}, baskets: &hosttest.Speaker{}}
	m.Mall = hosttest.Start(t, host.Module{Name: "depot", New: depot.New}, host.Module{Name: "ordering", New: ordering.New},
		m.stores.Module("stores"), m.baskets.Module("baskets"))
	m.customer = m.OK(t, "POST", "/api/customers", object{"name": "Ada", "smsNumber": "+44 1"})["id"].(string)
	return m
}

// checkOut checks a basket out and returns the order's id.
func (m *withOrdering) checkOut(t *testing.T, storeID string, lines ...line) string {
	t.Helper()
	e := &basketsv1.BasketCheckedOut{BasketId: newID(), CustomerId: m.customer, PaymentId: "p1", Total: usd(0)}
	for _, l := range lines {
		e.Total.MinorUnits += int64(l.units) * 1800
		e.Items = append(e.Items, &basketsv1.BasketCheckedOutItem{
			StoreId: storeID, StoreName: "Exotic Liquids", ProductId: l.product, ProductName: "Tea", Price: usd(1800), Quantity: int32(l.units),
		})
	}
	m.baskets.Say(t, e.GetBasketId(), e)
	return e.GetBasketId()
}

// becomes waits until an order has a status.
func (m *withOrdering) becomes(t *testing.T, id, status string) {
	t.Helper()
	hosttest.Eventually(t, func() bool {
		o, _ := m.Do(t, "GET", "/api/ordering/"+id, nil).Body["order"].(object)
		return o["status"] == "ORDER_STATUS_"+status
	}, "order %s does not become %s", id, status)
}

func TestAnOrderGoesFromCheckOutToCollection(t *testing.T) {
	m := startWithOrdering(t)
	store := m.store(t)
	tea := m.product(t, store, "Tea", 10)
	id := m.checkOut(t, store, line{tea, 3}, line{tea, 1})
	m.becomes(t, id, "APPROVED")
	m.assign(t, id, m.bot(t, "R2"))
	m.complete(t, id)
	m.becomes(t, id, "READY")
	m.Refused(t, 409, "ORDER_STATE", "DELETE", "/api/ordering/"+id, nil)
	m.OK(t, "PUT", "/api/ordering/"+id+"/complete", object{"invoiceId": "i1"})
	m.Settle(t)
	require.Equal(t, [4]int{10, 6, 0, 4}, m.levels(t, tea))

	id = m.checkOut(t, store, line{tea, 7})
	m.becomes(t, id, "REJECTED")
	o := m.OK(t, "GET", "/api/ordering/"+id, nil)["order"].(object)
	require.Equal(t, "out of stock: product "+tea+": 7 ordered, 6 on hand", o["reason"])
	m.Audit(t)
}

func TestCancellingAnOrderRestocksAtEveryStage(t *testing.T) {
	m := startWithOrdering(t)
	store := m.store(t)
	tea := m.product(t, store, "Tea", 10)
	bot := m.bot(t, "R2")
	cancel := func(id string) {
		t.Helper()
		m.OK(t, "DELETE", "/api/ordering/"+id, nil)
		m.Settle(t)
		require.Equal(t, [4]int{10, 10, 0, 0}, m.levels(t, tea))
		m.becomes(t, id, "CANCELED")
		m.Audit(t)
	}
	id := m.checkOut(t, store, line{tea, 4})
	hosttest.Eventually(t, func() bool { return m.Do(t, "DELETE", "/api/ordering/"+id, nil).Status == 200 }) // while pending, or just approved
	m.Settle(t)
	require.Equal(t, [4]int{10, 10, 0, 0}, m.levels(t, tea))

	id = m.checkOut(t, store, line{tea, 4})
	m.becomes(t, id, "APPROVED")
	cancel(id)

	id = m.checkOut(t, store, line{tea, 4})
	m.becomes(t, id, "APPROVED")
	m.assign(t, id, bot)
	cancel(id)
	require.Equal(t, map[string]string{"R2": "IDLE"}, m.bots(t))
}

func TestAListThatStaffCancelCancelsItsOrder(t *testing.T) {
	m := startWithOrdering(t)
	store := m.store(t)
	tea := m.product(t, store, "Tea", 10)
	for reason, want := range map[string]string{"?reason=flood": "flood", "": "canceled by the depot"} {
		id := m.checkOut(t, store, line{tea, 4})
		m.becomes(t, id, "APPROVED")
		m.OK(t, "DELETE", "/api/depot/shopping/"+id+reason, nil)
		m.becomes(t, id, "CANCELED")
		require.Equal(t, want, m.OK(t, "GET", "/api/ordering/"+id, nil)["order"].(object)["reason"])
	}
	m.Audit(t)
	require.Equal(t, [4]int{10, 10, 0, 0}, m.levels(t, tea))
}

// TestCancellingAndPickingAtTheSameTime lets the customer and the bot race: one
// of them wins, and the goods are where the winner says.
func TestCancellingAndPickingAtTheSameTime(t *testing.T) {
	m := startWithOrdering(t)
	store := m.store(t)
	tea := m.product(t, store, "Tea", 100)
	bot := m.bot(t, "R2")
	ready := 0
	for range 20 {
		id := m.checkOut(t, store, line{tea, 1})
		m.becomes(t, id, "APPROVED")
		m.assign(t, id, bot)
		var both sync.WaitGroup
		both.Go(func() { m.Do(t, "PUT", "/api/depot/shopping/"+id+"/complete", object{}) })
		both.Go(func() { m.Do(t, "DELETE", "/api/ordering/"+id, nil) })
		both.Wait()
		m.Settle(t)
		o := m.OK(t, "GET", "/api/ordering/"+id, nil)["order"].(object)
		if o["status"] == "ORDER_STATUS_READY" {
			ready++
		} else {
			require.Equal(t, "ORDER_STATUS_CANCELED", o["status"])
		}
	}
	require.Equal(t, [4]int{100, 100 - ready, 0, ready}, m.levels(t, tea))
	m.Audit(t)
}

func TestOf200CheckOutsOfTheLastUnitOneIsApproved(t *testing.T) {
	m := startWithOrdering(t)
	store := m.store(t)
	tea := m.product(t, store, "Tea", 1)
	m.levels(t, tea)
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() { m.checkOut(t, store, line{tea, 1}) })
	}
	all.Wait()
	m.Settle(t)
	found := map[string]int{}
	for token := ""; ; {
		r := m.OK(t, "GET", fmt.Sprintf("/api/ordering?pageSize=100&pageToken=%s", token), nil)
		for _, o := range r["orders"].([]any) {
			found[o.(object)["status"].(string)]++
		}
		if token = r["nextPageToken"].(string); token == "" {
			break
		}
	}
	require.Equal(t, map[string]int{"ORDER_STATUS_APPROVED": 1, "ORDER_STATUS_REJECTED": 199}, found)
	require.Equal(t, [4]int{1, 0, 1, 0}, m.levels(t, tea))
	m.Audit(t)
}
