package e2e

import (
	"fmt"
	"sync"
	"time"

	"github.com/stretchr/testify/require"
)

var shoppingScenarios = []scenario{
	{"prices that rise and fall", func(s *story) {
		s.store("teas", "Teas")
		s.product("oolong", "teas", 1000, 50)
		s.customer("ada")
		s.filled("rises", "ada", "2 oolong")
		s.filled("accepts", "ada", "3 oolong")
		s.do("PUT /api/stores/products/$oolong/increasePrice", `{"price":{"currencyCode":"USD","minorUnits":1200}}`)
		s.inBasket("$rises")
		s.refused("409 PRICE_CHANGED", "PUT /api/baskets/$rises/checkout", `{"paymentId":"p-1"}`)
		s.do("PUT /api/baskets/$accepts/checkout", `{"paymentId":"p-2","acceptPriceChanges":true}`)
		s.settled("$accepts", "APPROVED")
		s.do("PUT /api/stores/products/$oolong/decreasePrice", `{"price":{"currencyCode":"USD","minorUnits":700}}`)
		s.do("PUT /api/baskets/$rises/checkout", `{"paymentId":"p-3"}`)
		s.settled("$rises", "APPROVED") // at the price of adding
		s.refused("409 PRODUCT_PRICE_NOT_INCREASED", "PUT /api/stores/products/$oolong/increasePrice", `{"price":{"currencyCode":"USD","minorUnits":700}}`)
	}},
	{"products that go, and stores that close", func(s *story) {
		s.store("teas", "Teas")
		s.product("gone", "teas", 100, 5)
		s.product("stays", "teas", 100, 5)
		s.customer("ada")
		s.filled("basket", "ada", "1 gone", "2 stays")
		s.do("DELETE /api/stores/products/$gone", "")
		s.refused("409 PRODUCT_REMOVED", "PUT /api/baskets/$basket/addItem", `{"productId":"$gone","quantity":1}`)
		s.refused("409 PRODUCT_REMOVED", "PUT /api/baskets/$basket/checkout", `{"paymentId":"p-1"}`)
		s.do("PUT /api/baskets/$basket/removeItem", `{"productId":"$gone","quantity":1}`)
		s.do("DELETE /api/stores/$teas/participating", "")
		s.refused("409 STORE_CLOSED", "PUT /api/baskets/$basket/checkout", `{"paymentId":"p-1"}`)
		s.do("PUT /api/stores/$teas/participating", "")
		s.do("PUT /api/stores/$teas/rebrand", `{"name":"Fine Teas"}`)
		s.do("PUT /api/baskets/$basket/checkout", `{"paymentId":"p-1"}`)
		s.settled("$basket", "APPROVED")
		s.listed("$basket", "AVAILABLE")
	}},
	{"a key has one effect", func(s *story) {
		s.add("teas", "POST /api/stores", `{"name":"Teas","location":"Hall 1"}`, "Idempotency-Key", s.key("store"))
		again := s.do("POST /api/stores", `{"name":"Teas","location":"Hall 1"}`, "Idempotency-Key", s.key("store"))
		s.fact("the same answer again: %s, published %s", again.body, again.position)
		s.refused("422 IDEMPOTENCY_KEY_REUSED", "POST /api/stores", `{"name":"Cups","location":"Hall 1"}`, "Idempotency-Key", s.key("store"))
		s.refused("409 STORE_NOT_PARTICIPATING", "DELETE /api/stores/$teas/participating", "")

		var senders sync.WaitGroup
		var mu sync.Mutex
		ids := map[string]int{}
		r := s.request("POST /api/stores/$teas/products", `{"name":"Oolong","sku":"T-1","price":{"currencyCode":"USD","minorUnits":100}}`, "Idempotency-Key", s.key("product"))
		for range 6 {
			senders.Go(func() {
				a, err := s.mall.send(s.Context(), r, "")
				mu.Lock()
				defer mu.Unlock()
				ids[fmt.Sprint(a, string(a.body), err)]++
			})
		}
		senders.Wait()
		var catalog struct{ Products []struct{ Name string } }
		s.get(&catalog, "GET /api/stores/$teas/products")
		s.fact("six times the same key: %v, products: %v", normalised(ids), catalog.Products)
		require.Len(s, ids, 1)
	}},
	{"what was changed in one module is seen in another", func(s *story) {
		s.store("teas", "Teas")
		s.product("oolong", "teas", 100, 0)
		s.customer("ada")
		s.add("basket", "POST /api/baskets", `{"customerId":"$ada"}`)
		for price := 200; price <= 600; price += 100 { // each is seen at once
			s.do("PUT /api/stores/products/$oolong/increasePrice", fmt.Sprintf(`{"price":{"currencyCode":"USD","minorUnits":%d}}`, price))
			s.do("PUT /api/baskets/$basket/addItem", `{"productId":"$oolong","quantity":1}`)
		}
		s.inBasket("$basket")
		s.refused("503 NOT_YET_CAUGHT_UP", "GET /api/baskets/$basket", "", "Mallbots-After", "stores/$oolong@99")
		a := s.do("GET /api/stores/$teas", "", "Mallbots-After", "baskets/$basket@99") // stores hears of no basket, so it does not wait
		s.fact("stores does not wait for baskets: %s, version %s", a, a.etag)
		s.refused("400 MALLBOTS_AFTER_MALFORMED", "GET /api/stores/$teas", "", "Mallbots-After", "stores")
		moved := s.do("PUT /api/depot/stock/$oolong/receive", `{"quantity":10}`)
		s.fact("the depot's position: %s", moved.position)
	}},
	{"lists come in pages", func(s *story) {
		s.store("teas", "Teas")
		s.customer("ada")
		for n := range 7 {
			s.product(fmt.Sprintf("tea%d", n), "teas", int64(n), 10)
			s.checkedOut(fmt.Sprintf("basket%d", n), "ada", fmt.Sprintf("1 tea%d", n))
			s.status(fmt.Sprintf("$basket%d", n), "APPROVED") // the list is in the order of the orders, not of the baskets
		}
		s.fact("products: %s", s.pages("/api/stores/$teas/products?pageSize=3", "products", 3))
		s.fact("orders: %s", s.pages("/api/ordering?customerId=$ada&pageSize=2", "orders", 2))
		s.fact("orders approved: %s", s.pages("/api/ordering?customerId=$ada&storeId=$teas&status=ORDER_STATUS_APPROVED&pageSize=100", "orders", 100))
		s.fact("orders rejected: %s", s.pages("/api/ordering?customerId=$ada&status=ORDER_STATUS_REJECTED", "orders", 50))
		s.refused("400 PAGE_SIZE_OUT_OF_RANGE", "GET /api/stores?pageSize=101", "")
	}},
	{"a customer is called what they are called now", func(s *story) {
		s.store("teas", "Teas")
		s.product("oolong", "teas", 100, 5)
		s.customer("ada")
		s.checkedOut("basket", "ada", "1 oolong")
		s.status("$basket", "APPROVED")
		s.do("PUT /api/customers/$ada/rename", `{"name":"Ada Lovelace"}`, "If-Match", `"1"`)
		s.refused("412 VERSION_STALE", "PUT /api/customers/$ada/rename", `{"name":"Ada King"}`, "If-Match", `"1"`)
		s.do("PUT /api/customers/$ada/change-sms", `{"smsNumber":"+44 21"}`)
		var answer struct {
			Customer struct {
				Name, SmsNumber string
				Enabled         bool
			}
		}
		a := s.get(&answer, "GET /api/customers/$ada")
		s.fact("customer: %v, version %s", answer.Customer, a.etag)
		s.settled("$basket", "APPROVED")
	}},
	{"the past of an order", func(s *story) {
		s.store("teas", "Teas")
		s.product("oolong", "teas", 100, 5)
		s.customer("ada")
		s.checkedOut("basket", "ada", "1 oolong")
		s.status("$basket", "APPROVED")
		s.do("DELETE /api/ordering/$basket", "")
		var history struct{ Events []event }
		s.get(&history, "GET /api/ordering/$basket/history")
		for _, e := range history.Events {
			var then struct{ Order order }
			s.get(&then, "GET /api/ordering/$basket?asOf="+e.OccurredAt.UTC().Format(time.RFC3339Nano))
			s.fact("when it was %s: %s, version %d", e.Name, short(then.Order.Status), then.Order.Version)
		}
		before := history.Events[0].OccurredAt.Add(-time.Microsecond).UTC().Format(time.RFC3339Nano)
		a := s.try("GET /api/ordering/$basket?asOf="+before, "")
		s.fact("before: %s", a)
	}},
	{"a watch tells each change, and goes on where it broke", func(s *story) {
		s.store("teas", "Teas")
		s.product("oolong", "teas", 100, 5)
		s.customer("ada")
		s.bot("r2")
		s.checkedOut("basket", "ada", "1 oolong")
		s.status("$basket", "APPROVED")
		w := s.watch("$basket", "1")
		s.fact("watched: %s", w.next())
		s.do("PUT /api/depot/shopping/$basket/assign", `{"botId":"$r2"}`)
		s.do("PUT /api/depot/shopping/$basket/complete", "")
		s.fact("watched: %s", w.next())
		w.hangUp()
		s.do("PUT /api/ordering/$basket/complete", `{"invoiceId":"i-1"}`)
		s.fact("watched after a break: %s", w.next())
	}},
	{"the same by every protocol", func(s *story) {
		s.store("teas", "Teas")
		s.customer("ada")
		s.add("basket", "POST /api/baskets", `{"customerId":"$ada"}`)
		s.product("oolong", "teas", 100, 5)
		for _, c := range []struct{ rpc, body string }{
			{"stores.v1.StoresService/GetStore", `{"id":"$teas"}`},
			{"ordering.v1.OrderingService/GetCustomer", `{"id":"$ada"}`},
			{"baskets.v1.BasketsService/GetBasket", `{"id":"$basket"}`},
			{"depot.v1.DepotService/GetStock", `{"productId":"$oolong"}`},
		} {
			a := s.do("POST /mallbots."+c.rpc, c.body, "Connect-Protocol-Version", "1")
			s.fact("%s: %d", c.rpc, a.status)
		}
	}},
}

// key is an idempotency key of this story.
func (s *story) key(name string) string { return s.run + name }
