package ordering_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	basketsv1 "mallbots/proto/mallbots/baskets/v1"
	depotv1 "mallbots/proto/mallbots/depot/v1"
)

const unknown = "01920000-0000-7000-8000-000000000404"

func TestTheLifeOfAnOrder(t *testing.T) {
	m := start(t)
	customer := m.customer(t)
	id := m.checkOut(t, customer)
	o := m.order(t, id)
	price := func(minorUnits string) object { return object{"currencyCode": "USD", "minorUnits": minorUnits} }
	item := func(product, name, units string, quantity int) object {
		return object{
			"storeId": store, "productId": product, "storeName": "Exotic Liquids", "productName": name,
			"price": price(units), "quantity": float64(quantity),
		}
	}
	require.Equal(t, object{
		"id": id, "customerId": customer, "customerName": "Ada", "paymentId": "p1", "itemCount": 5.0, "total": price("12900"),
		"status": "PENDING", "reason": "", "createdAt": o["createdAt"], "updatedAt": o["createdAt"], "version": "1",
		"items": []any{item(chai, "Chai", "1800", 2), item(ikura, "Ikura", "3100", 3)},
	}, o)

	m.reserved(t, id)
	require.Equal(t, "APPROVED", m.order(t, id)["status"])
	m.picked(t, id)
	require.Equal(t, "READY", m.order(t, id)["status"])
	m.Refused(t, 400, "INVOICE_ID_BLANK", "PUT", "/api/ordering/"+id+"/complete", object{"invoiceId": "  "})
	r := m.Do(t, "PUT", "/api/ordering/"+id+"/complete", object{"invoiceId": "i1"})
	require.Equal(t, object{}, r.Body)
	require.Equal(t, "ordering/"+id+"@4", r.Header.Get("Mallbots-Position"), "created, approved, readied, completed")
	require.Equal(t, "COMPLETED", m.order(t, id)["status"])
	require.Equal(t, `"4"`, m.Do(t, "GET", "/api/ordering/"+id, nil).Header.Get("ETag"))

	history := m.OK(t, "GET", "/api/ordering/"+id+"/history", nil)["events"].([]any)
	var names []string
	for i, e := range history {
		e := e.(object)
		names = append(names, e["name"].(string))
		require.EqualValues(t, string(rune('1'+i)), e["version"])
		require.NotEmpty(t, e["correlationId"])
		require.NotEmpty(t, e["causationId"])
		require.NotEmpty(t, e["actor"])
	}
	require.Equal(t, []string{"Placed", "Approved", "Readied", "Completed"}, names)
	require.Equal(t, object{"invoice_id": "i1"}, history[3].(object)["data"])
	require.Equal(t, customer, history[0].(object)["data"].(object)["customer_id"])

	m.Restart(t)
	require.Equal(t, "COMPLETED", m.order(t, id)["status"])
}

func TestEveryStatusRefusesWhatItDoesNotAllow(t *testing.T) {
	m := start(t)
	for status, allowed := range map[string]struct{ cancel, complete bool }{
		"PENDING": {cancel: true}, "APPROVED": {cancel: true}, "READY": {complete: true},
		"REJECTED": {}, "COMPLETED": {}, "CANCELED": {},
	} {
		id := m.in(t, status)
		if !allowed.cancel {
			require.Contains(t, m.Refused(t, 409, "ORDER_STATE", "DELETE", "/api/ordering/"+id, nil), status)
		}
		if !allowed.complete {
			require.Contains(t, m.Refused(t, 409, "ORDER_STATE", "PUT", "/api/ordering/"+id+"/complete", object{"invoiceId": "i1"}), status)
		}
		require.Equal(t, status, m.order(t, id)["status"], "nothing has changed")
		if allowed.cancel {
			m.OK(t, "DELETE", "/api/ordering/"+id, nil)
			o := m.order(t, id)
			require.Equal(t, []any{"CANCELED", "canceled by the customer"}, []any{o["status"], o["reason"]})
		}
	}
}

func TestWhatDoesNotExistIsNotFound(t *testing.T) {
	m := start(t)
	for _, path := range []string{"", "/history", "/watch"} {
		m.Refused(t, 404, "ORDER_NOT_FOUND", "GET", "/api/ordering/"+unknown+path, nil)
	}
	m.Refused(t, 404, "ORDER_NOT_FOUND", "DELETE", "/api/ordering/"+unknown, nil)
	m.Refused(t, 404, "ORDER_NOT_FOUND", "PUT", "/api/ordering/"+unknown+"/complete", object{"invoiceId": "i1"})
	m.Refused(t, 404, "CUSTOMER_NOT_FOUND", "GET", "/api/customers/"+unknown, nil)
	for verb, body := range map[string]object{
		"rename": {"name": "Eve"}, "change-sms": {"smsNumber": "1"}, "enable": {}, "disable": {},
	} {
		m.Refused(t, 404, "CUSTOMER_NOT_FOUND", "PUT", "/api/customers/"+unknown+"/"+verb, body)
		require.Equal(t, 400, m.Do(t, "PUT", "/api/customers/ada/"+verb, body).Status, "a malformed id")
	}
	for _, path := range []string{"", "/history", "/watch"} {
		require.Equal(t, 400, m.Do(t, "GET", "/api/ordering/one"+path, nil).Status, "a malformed id")
	}
}

func TestOnlyKnownAndEnabledCustomersGetTheirOrders(t *testing.T) {
	m := start(t)
	o := m.order(t, m.checkOut(t, newID()))
	require.Equal(t, []any{"REJECTED", "the customer is not known", ""}, []any{o["status"], o["reason"], o["customerName"]})

	customer := m.customer(t)
	running := m.checkOut(t, customer)
	require.Equal(t, "PENDING", m.order(t, running)["status"])
	m.OK(t, "PUT", "/api/customers/"+customer+"/disable", object{})
	o = m.order(t, m.checkOut(t, customer))
	require.Equal(t, []any{"REJECTED", "the customer is disabled"}, []any{o["status"], o["reason"]})
	m.reserved(t, running)
	require.Equal(t, "APPROVED", m.order(t, running)["status"], "orders under way go on")

	m.OK(t, "PUT", "/api/customers/"+customer+"/enable", object{})
	require.Equal(t, "PENDING", m.order(t, m.checkOut(t, customer))["status"])
}

func TestTheDepotDecidesAboutAnOrder(t *testing.T) {
	m := start(t)
	customer := m.customer(t)

	short := m.checkOut(t, customer)
	m.say(t, m.depot, short, &depotv1.StockReservationFailed{OrderId: short, Shortages: []*depotv1.StockShortage{
		{ProductId: chai, Requested: 2, Available: 1},
	}})
	o := m.order(t, short)
	require.Equal(t, []any{"REJECTED", "out of stock: product " + chai + ": 2 ordered, 1 on hand"}, []any{o["status"], o["reason"]})

	flooded := m.in(t, "APPROVED")
	m.say(t, m.depot, flooded, &depotv1.ShoppingListCanceled{OrderId: flooded, Reason: "flood"})
	o = m.order(t, flooded)
	require.Equal(t, []any{"CANCELED", "flood"}, []any{o["status"], o["reason"]})

	gone := m.in(t, "CANCELED")
	m.reserved(t, gone)
	m.picked(t, gone)
	m.say(t, m.depot, gone, &depotv1.ShoppingListCanceled{OrderId: gone, Reason: "called off"})
	o = m.order(t, gone)
	require.Equal(t, []any{"CANCELED", "2"}, []any{o["status"], o["version"]}, "late answers change nothing")
}

func TestOneBasketIsOneOrder(t *testing.T) {
	m := start(t)
	customer := m.customer(t)
	id := m.checkOut(t, customer)
	m.say(t, m.baskets, id, checkedOut(id, customer), checkedOut(id, customer)) // new messages, not redeliveries
	require.Equal(t, "1", m.order(t, id)["version"])
	require.Len(t, m.OK(t, "GET", "/api/ordering?customerId="+customer, nil)["orders"], 1)
	m.Settle(t)
	canceled := newID()
	m.say(t, m.baskets, canceled, &basketsv1.BasketStarted{BasketId: canceled, CustomerId: customer}, &basketsv1.BasketCanceled{BasketId: canceled})
	m.Refused(t, 404, "ORDER_NOT_FOUND", "GET", "/api/ordering/"+canceled, nil)
}

func TestAnOrderCanBeSeenAsItWas(t *testing.T) {
	m := start(t)
	id := m.in(t, "READY")
	events := m.OK(t, "GET", "/api/ordering/"+id+"/history", nil)["events"].([]any)
	at := func(i int) time.Time {
		when, err := time.Parse(time.RFC3339Nano, events[i].(object)["occurredAt"].(string))
		require.NoError(t, err)
		return when
	}
	asOf := func(when time.Time) string { return "/api/ordering/" + id + "?asOf=" + when.Format(time.RFC3339Nano) }
	for i, status := range []string{"PENDING", "APPROVED", "READY"} {
		r := m.Do(t, "GET", asOf(at(i)), nil)
		o := r.Body["order"].(object)
		require.Equal(t, "ORDER_STATUS_"+status, o["status"], "inclusive")
		require.Equal(t, string(rune('1'+i)), o["version"])
		require.Equal(t, "Ada", o["customerName"])
		require.Len(t, o["items"], 2)
	}
	m.Refused(t, 404, "ORDER_NOT_FOUND", "GET", asOf(at(0).Add(-time.Microsecond)), nil)
	require.Equal(t, "ORDER_STATUS_READY", m.OK(t, "GET", asOf(time.Now().Add(time.Hour)), nil)["order"].(object)["status"])
	require.Equal(t, 400, m.Do(t, "GET", "/api/ordering/"+id+"?asOf=yesterday", nil).Status)
}

func TestAStaleVersionIsRefused(t *testing.T) {
	m := start(t)
	id := m.in(t, "APPROVED")
	m.Refused(t, 412, "VERSION_STALE", "DELETE", "/api/ordering/"+id, nil, "If-Match", `"1"`)
	m.OK(t, "DELETE", "/api/ordering/"+id, nil, "If-Match", `"2"`)
}
