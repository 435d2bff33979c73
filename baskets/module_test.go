package baskets_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	moneyv1 "mallbots/proto/mallbots/money/v1"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

const unknown = "01920000-0000-7000-8000-000000000404"

func TestTheLifeOfABasket(t *testing.T) {
	m := start(t)
	store := m.store(t)
	chai, ikura := m.product(t, store, "Chai", 1800), m.product(t, store, "Ikura", 3100)
	customer := newID()
	id := m.OK(t, "POST", "/api/baskets", object{"customerId": customer})["id"].(string)
	path := "/api/baskets/" + id
	require.Equal(t, object{"basket": object{
		"id": id, "customerId": customer, "status": "BASKET_STATUS_OPEN",
		"total": object{"currencyCode": "USD", "minorUnits": "0"}, "items": []any{},
	}}, m.OK(t, "GET", path, nil))

	m.add(t, path, chai, 2)
	m.add(t, path, ikura, 4)
	m.add(t, path, chai, 3)
	m.OK(t, "PUT", path+"/removeItem", object{"productId": ikura, "quantity": 1})
	status, total, lines := m.look(t, path)
	require.Equal(t, "OPEN", status)
	require.Equal(t, "18300", total)
	require.Equal(t, []line{{"Chai", "1800", 5, "1800", false}, {"Ikura", "3100", 3, "3100", false}}, lines)
	first := m.OK(t, "GET", path, nil)["basket"].(object)["items"].([]any)[0].(object)
	require.Equal(t, []any{store, chai, "Exotic Liquids"}, []any{first["storeId"], first["productId"], first["storeName"]})
	require.Equal(t, `"5"`, m.Do(t, "GET", path, nil).Header.Get("ETag"))

	m.OK(t, "PUT", path+"/removeItem", object{"productId": ikura, "quantity": 3})
	r := m.Do(t, "PUT", path+"/checkout", object{"paymentId": "p1"})
	require.Equal(t, object{"orderId": id}, r.Body)
	require.Equal(t, "baskets/"+id+"@2", r.Header.Get("Mallbots-Position"))
	status, total, _ = m.look(t, path)
	require.Equal(t, "CHECKED_OUT", status)
	require.Equal(t, "9000", total)

	m.Restart(t)
	m.Audit(t)
	require.Equal(t, []string{
		`BasketStarted basket_id:B customer_id:C`,
		`BasketCheckedOut basket_id:B customer_id:C payment_id:"p1"` +
			` items:{store_id:S product_id:P store_name:"Exotic Liquids" product_name:"Chai" price:{currency_code:"USD" minor_units:1800} quantity:5}` +
			` total:{currency_code:"USD" minor_units:9000}`,
	}, m.listener.Heard("", map[string]string{id: "B", customer: "C", store: "S", chai: "P"}))
}

func TestABasketThatHasEndedStaysAsItIs(t *testing.T) {
	m := start(t)
	chai := m.product(t, m.store(t), "Chai", 1800)
	for end, word := range map[string]string{"PUT /checkout": "checked out", "DELETE ": "canceled"} {
		path := m.basket(t)
		m.add(t, path, chai, 2)
		method, verb, _ := strings.Cut(end, " ")
		m.OK(t, method, path+verb, body(method, object{"paymentId": "p1"}))
		_, total, lines := m.look(t, path)
		for name, b := range map[string]object{
			"PUT /addItem":    {"productId": chai, "quantity": 1},
			"PUT /removeItem": {"productId": chai, "quantity": 1},
			"PUT /checkout":   {"paymentId": "p2"},
			"DELETE ":         nil,
		} {
			method, verb, _ := strings.Cut(name, " ")
			text := m.Refused(t, 409, "BASKET_NOT_OPEN", method, path+verb, body(method, b))
			require.Contains(t, text, word, "it names the state")
		}
		_, total2, lines2 := m.look(t, path)
		require.Equal(t, total, total2)
		require.Equal(t, lines, lines2)
	}
	m.Audit(t)
}

// body is what is sent: nothing with DELETE.
func body(method string, b object) any {
	if method == "DELETE" {
		return nil
	}
	return b
}

func TestWhatCanNotBe(t *testing.T) {
	m := start(t)
	store := m.store(t)
	chai, ikura := m.product(t, store, "Chai", 1800), m.product(t, store, "Ikura", 3100)
	path, empty := m.basket(t), m.basket(t)
	m.add(t, path, chai, 2)
	item := func(id string, quantity any) object { return object{"productId": id, "quantity": quantity} }
	other := "/api/baskets/" + unknown
	for _, c := range []struct {
		name   string
		status int
		code   string
		method string
		path   string
		body   any
	}{
		{"a customer without an id", 400, "", "POST", "/api/baskets", object{}},
		{"a malformed customer", 400, "", "POST", "/api/baskets", object{"customerId": "ada"}},
		{"an unknown field", 400, "", "POST", "/api/baskets", object{"customerId": unknown, "color": "red"}},
		{"an unknown basket", 404, "BASKET_NOT_FOUND", "GET", other, nil},
		{"an unknown basket filled", 404, "BASKET_NOT_FOUND", "PUT", other + "/addItem", item(chai, 1)},
		{"an unknown basket emptied", 404, "BASKET_NOT_FOUND", "PUT", other + "/removeItem", item(chai, 1)},
		{"an unknown basket checked out", 404, "BASKET_NOT_FOUND", "PUT", other + "/checkout", object{"paymentId": "p1"}},
		{"an unknown basket canceled", 404, "BASKET_NOT_FOUND", "DELETE", other, nil},
		{"a malformed basket", 400, "", "GET", "/api/baskets/one", nil},
		{"no quantity", 400, "QUANTITY_OUT_OF_RANGE", "PUT", path + "/addItem", object{"productId": chai}},
		{"a quantity below zero", 400, "QUANTITY_OUT_OF_RANGE", "PUT", path + "/addItem", item(chai, -1)},
		{"a quantity too large", 400, "QUANTITY_OUT_OF_RANGE", "PUT", path + "/addItem", item(chai, 10_001)},
		{"a quantity beyond numbers", 400, "", "PUT", path + "/addItem", item(chai, int64(1)<<31)},
		{"half a quantity", 400, "", "PUT", path + "/addItem", item(chai, 0.5)},
		{"too many in two steps", 409, "BASKET_TOO_MANY_UNITS", "PUT", path + "/addItem", item(chai, 9_999)},
		{"a product that nobody sells", 404, "PRODUCT_NOT_FOUND", "PUT", path + "/addItem", item(unknown, 1)},
		{"a malformed product", 400, "", "PUT", path + "/addItem", item("chai", 1)},
		{"nothing taken out", 400, "QUANTITY_OUT_OF_RANGE", "PUT", path + "/removeItem", item(chai, 0)},
		{"less than nothing taken out", 400, "QUANTITY_OUT_OF_RANGE", "PUT", path + "/removeItem", item(chai, -1)},
		{"more taken out than there is", 409, "BASKET_NOT_SO_MANY", "PUT", path + "/removeItem", item(chai, 3)},
		{"what is not in it taken out", 404, "BASKET_ITEM_NOT_FOUND", "PUT", path + "/removeItem", item(ikura, 1)},
		{"an empty basket checked out", 409, "BASKET_EMPTY", "PUT", empty + "/checkout", object{"paymentId": "p1"}},
		{"no payment", 400, "PAYMENT_ID_BLANK", "PUT", path + "/checkout", object{}},
		{"a blank payment", 400, "PAYMENT_ID_BLANK", "PUT", path + "/checkout", object{"paymentId": " "}},
		{"a payment without end", 400, "PAYMENT_ID_TOO_LONG", "PUT", path + "/checkout", object{"paymentId": strings.Repeat("p", 201)}},
	} {
		t.Run(c.name, func(t *testing.T) { m.Refused(t, c.status, c.code, c.method, c.path, c.body) })
	}
	_, total, _ := m.look(t, path)
	require.Equal(t, "3600", total, "nothing was written")
	m.Audit(t)
}

func TestPricesAtTheCheckOut(t *testing.T) {
	m := start(t)
	chai := m.product(t, m.store(t), "Chai", 1800)
	filled := func() string {
		m.reprice(t, chai, 1800)
		path := m.basket(t)
		m.add(t, path, chai, 2)
		return path
	}
	checkOut := func(path string, accept bool) {
		m.OK(t, "PUT", path+"/checkout", object{"paymentId": "p1", "acceptPriceChanges": accept})
	}

	risen := filled()
	m.reprice(t, chai, 2000)
	_, total, lines := m.look(t, risen)
	require.Equal(t, "3600", total)
	require.Equal(t, []line{{"Chai", "1800", 2, "2000", true}}, lines)
	text := m.Refused(t, 409, "PRICE_CHANGED", "PUT", risen+"/checkout", object{"paymentId": "p1"})
	require.Contains(t, text, "Chai from 1800 to 2000")
	checkOut(risen, true)
	_, total, lines = m.look(t, risen)
	require.Equal(t, "4000", total)
	require.Equal(t, []line{{"Chai", "2000", 2, "2000", false}}, lines)

	fallen, accepted := filled(), filled()
	m.reprice(t, chai, 1500)
	checkOut(fallen, false)
	_, total, _ = m.look(t, fallen)
	require.Equal(t, "3600", total, "the price at adding stands")
	checkOut(accepted, true)
	_, total, _ = m.look(t, accepted)
	require.Equal(t, "3000", total)

	two := filled()
	m.reprice(t, chai, 1900)
	m.add(t, two, chai, 1)
	m.reprice(t, chai, 1700)
	_, total, lines = m.look(t, two)
	require.Equal(t, "5500", total)
	require.Equal(t, []line{{"Chai", "1800", 2, "1700", true}, {"Chai", "1900", 1, "1700", true}}, lines)
	checkOut(two, true)
	_, total, lines = m.look(t, two)
	require.Equal(t, "5100", total)
	require.Equal(t, []line{{"Chai", "1700", 3, "1700", false}}, lines)
	m.Audit(t)
}

func TestClosedStoresAndRemovedProducts(t *testing.T) {
	m := start(t)
	store := m.store(t)
	chai, ikura := m.product(t, store, "Chai", 1800), m.product(t, store, "Ikura", 3100)
	path := m.basket(t)
	m.add(t, path, chai, 2)
	m.add(t, path, ikura, 1)
	pay := object{"paymentId": "p1", "acceptPriceChanges": true}

	m.say(t, m.stores, store, &storesv1.StoreParticipationChanged{StoreId: store})
	m.Refused(t, 409, "STORE_CLOSED", "PUT", path+"/addItem", object{"productId": chai, "quantity": 1})
	m.Refused(t, 409, "STORE_CLOSED", "PUT", path+"/checkout", pay)
	m.say(t, m.stores, store,
		&storesv1.StoreRebranded{StoreId: store, Name: "Liquids"},
		&storesv1.StoreParticipationChanged{StoreId: store, Participating: true})

	m.say(t, m.stores, ikura, &storesv1.ProductRemoved{ProductId: ikura, StoreId: store})
	m.Refused(t, 409, "PRODUCT_REMOVED", "PUT", path+"/addItem", object{"productId": ikura, "quantity": 1})
	m.Refused(t, 409, "PRODUCT_REMOVED", "PUT", path+"/checkout", pay)
	m.OK(t, "PUT", path+"/removeItem", object{"productId": ikura, "quantity": 1})

	m.say(t, m.stores, chai, &storesv1.ProductRebranded{ProductId: chai, StoreId: store, Name: "Tea"})
	m.add(t, path, chai, 1)
	_, total, lines := m.look(t, path)
	require.Equal(t, "5400", total)
	require.Equal(t, []line{{"Tea", "1800", 3, "1800", false}}, lines)
	m.OK(t, "PUT", path+"/checkout", pay)
	m.Audit(t)
}

func TestAProductMayBeHeardOfBeforeItsStore(t *testing.T) {
	m := start(t)
	store, path := newID(), m.basket(t)
	chai := m.product(t, store, "Chai", 1800)
	m.Refused(t, 409, "STORE_CLOSED", "PUT", path+"/addItem", object{"productId": chai, "quantity": 1})
	m.say(t, m.stores, store, &storesv1.StoreCreated{StoreId: store, Name: "Exotic Liquids"})
	m.Refused(t, 409, "STORE_CLOSED", "PUT", path+"/addItem", object{"productId": chai, "quantity": 1})
	m.say(t, m.stores, store, &storesv1.StoreParticipationChanged{StoreId: store, Participating: true})
	m.add(t, path, chai, 1)
	m.Audit(t)
}

func TestOnlyADisabledCustomerGetsNoBasket(t *testing.T) {
	m := start(t)
	customer := newID()
	m.say(t, m.ordering, customer, &orderingv1.CustomerEnabled{CustomerId: customer})
	m.OK(t, "POST", "/api/baskets", object{"customerId": customer})
	m.disable(t, customer)
	m.Refused(t, 409, "CUSTOMER_DISABLED", "POST", "/api/baskets", object{"customerId": customer})
	m.say(t, m.ordering, customer, &orderingv1.CustomerEnabled{CustomerId: customer})
	m.OK(t, "POST", "/api/baskets", object{"customerId": customer})
	m.OK(t, "POST", "/api/baskets", object{"customerId": unknown})

	order := newID() // what baskets does not care about passes by
	m.say(t, m.ordering, order,
		&orderingv1.OrderCreated{OrderId: order}, &orderingv1.OrderApproved{OrderId: order},
		&orderingv1.OrderReadied{OrderId: order}, &orderingv1.OrderCompleted{OrderId: order},
		&orderingv1.OrderRejected{OrderId: order}, &orderingv1.OrderCanceled{OrderId: order})
	m.Audit(t)
}

func TestOfManyCheckOutsOneWins(t *testing.T) {
	m := start(t)
	chai := m.product(t, m.store(t), "Chai", 1800)
	path := m.basket(t)
	m.add(t, path, chai, 2)
	statuses := together(8, func() int {
		return m.Do(t, "PUT", path+"/checkout", object{"paymentId": "p1"}).Status
	})
	require.Equal(t, map[int]int{http.StatusOK: 1, http.StatusConflict: 7}, statuses)
	m.Audit(t)
	require.Len(t, m.listener.Heard("", nil), 2, "started, and checked out once")
}

func TestWhatWasAnsweredIsInTheBasket(t *testing.T) {
	m := start(t)
	chai := m.product(t, m.store(t), "Chai", 1800)
	path := m.basket(t)
	m.add(t, path, chai, 1)
	statuses := together(8, func() int {
		return m.Do(t, "PUT", path+"/addItem", object{"productId": chai, "quantity": 1}).Status
	})
	require.Equal(t, 8, statuses[http.StatusOK]+statuses[http.StatusConflict], "%v", statuses)
	_, _, lines := m.look(t, path)
	require.Equal(t, 1+statuses[http.StatusOK], lines[0].quantity)
	m.Audit(t)
}

// together calls do n times at once and counts what it returns.
func together(n int, do func() int) map[int]int {
	results := make([]int, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { results[i] = do() })
	}
	all.Wait()
	counts := map[int]int{}
	for _, r := range results {
		counts[r]++
	}
	return counts
}

func TestAChangeMayNameTheVersionItKnows(t *testing.T) {
	m := start(t)
	chai := m.product(t, m.store(t), "Chai", 1800)
	path := m.basket(t)
	m.add(t, path, chai, 1)
	m.Refused(t, 412, "VERSION_STALE", "PUT", path+"/checkout", object{"paymentId": "p1"}, "If-Match", `"1"`)
	m.OK(t, "PUT", path+"/checkout", object{"paymentId": "p1"}, "If-Match", `"2"`)
}

func TestARepeatedRequestHasOneEffect(t *testing.T) {
	m := start(t)
	chai := m.product(t, m.store(t), "Chai", 1800)
	path := m.basket(t)
	for range 2 {
		m.OK(t, "PUT", path+"/addItem", object{"productId": chai, "quantity": 1}, "Idempotency-Key", "k1")
		m.OK(t, "PUT", path+"/addItem", object{"productId": chai, "quantity": 2}, "Idempotency-Key", "k2")
	}
	_, _, lines := m.look(t, path)
	require.Equal(t, 3, lines[0].quantity)
	for range 2 {
		r := m.Do(t, "PUT", path+"/checkout", object{"paymentId": "p1"}, "Idempotency-Key", "k3")
		require.Equal(t, http.StatusOK, r.Status, "a retried check-out is answered as the first was")
		require.NotEmpty(t, r.Header.Get("Mallbots-Position"))
	}
	m.Audit(t)
}

// TestWhatCanNotBeTakenInIsSetAside has a forged event of each kind: each
// becomes a dead letter at once, and everything else goes on.
func TestWhatCanNotBeTakenInIsSetAside(t *testing.T) {
	m := start(t)
	store := m.store(t)
	chai := m.product(t, store, "Chai", 1800)
	path, forged := m.basket(t), newID()
	prices := []*moneyv1.Money{usd(-1), usd(1_000_000_000_001), {CurrencyCode: "EUR", MinorUnits: 1}, nil}
	var events []proto.Message
	for _, price := range prices {
		events = append(events,
			&storesv1.ProductAdded{ProductId: forged, StoreId: store, Name: "Forged", Price: price},
			&storesv1.ProductPriceChanged{ProductId: chai, Price: price})
	}
	events = append(events,
		&storesv1.ProductPriceChanged{ProductId: forged, Price: usd(1)},
		&storesv1.ProductRebranded{ProductId: forged, Name: "Forged"},
		&storesv1.ProductRemoved{ProductId: forged},
		&storesv1.StoreRebranded{StoreId: forged, Name: "Forged"},
		&storesv1.StoreParticipationChanged{StoreId: forged, Participating: true})
	for _, e := range events {
		m.stores.Say(t, newID(), e) // it never comes through
	}
	m.Settle(t)
	require.Len(t, m.Ops(t, "GET", "/deadletters", nil).Body["deadLetters"], len(events))
	m.Refused(t, 404, "PRODUCT_NOT_FOUND", "PUT", path+"/addItem", object{"productId": forged, "quantity": 1})
	m.add(t, path, chai, 1)
	_, total, _ := m.look(t, path)
	require.Equal(t, "1800", total)
}
