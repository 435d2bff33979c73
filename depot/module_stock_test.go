package depot_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	orderingv1 "mallbots/proto/mallbots/ordering/v1"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

func TestStockIsReceived(t *testing.T) {
	m := start(t)
	store := m.store(t)
	tea := m.product(t, store, "Tea", 0)
	path := "/api/depot/stock/" + tea
	require.Equal(t, [4]int{}, m.levels(t, tea), "nothing of a known product is no error")
	r := m.Do(t, "PUT", path+"/receive", object{"quantity": 1000000})
	require.Equal(t, object{"stock": object{
		"productId": tea, "received": 1e6, "onHand": 1e6, "reserved": 0.0, "picked": 0.0,
	}}, r.Body)
	require.Equal(t, "depot/"+tea+"@1", r.Header.Get("Mallbots-Position"))
	m.receive(t, tea, 5)
	require.Equal(t, [4]int{1000005, 1000005, 0, 0}, m.levels(t, tea))
	for _, quantity := range []any{0, -1, 1000001, 1 << 40, "many", 1.5} {
		require.Equal(t, 400, m.Do(t, "PUT", path+"/receive", object{"quantity": quantity}).Status, "%v", quantity)
	}
	m.OK(t, "PUT", path+"/receive", object{"quantity": 5}, "Idempotency-Key", "k1")
	m.OK(t, "PUT", path+"/receive", object{"quantity": 5}, "Idempotency-Key", "k1")
	require.Equal(t, [4]int{1000010, 1000010, 0, 0}, m.levels(t, tea))

	seen := m.Do(t, "GET", path, nil).Header.Get("ETag")
	m.OK(t, "PUT", path+"/receive", object{"quantity": 1}, "If-Match", seen)
	m.Refused(t, 412, "VERSION_STALE", "PUT", path+"/receive", object{"quantity": 1}, "If-Match", seen)
	require.Equal(t, [4]int{1000011, 1000011, 0, 0}, m.levels(t, tea))

	m.say(t, m.stores, tea, &storesv1.ProductRemoved{ProductId: tea, StoreId: store})
	require.Contains(t, m.Refused(t, 409, "PRODUCT_REMOVED", "PUT", path+"/receive", object{"quantity": 1}), "REMOVED")
	require.Equal(t, 1000011, m.levels(t, tea)[0], "what there is stays")
	m.Audit(t)
}

func TestListsArePaged(t *testing.T) {
	m := start(t)
	store := m.store(t)
	tea := m.product(t, store, "Tea", 100)
	m.product(t, store, "Brie", 0)
	products := []string{tea}
	var lists, bots []string
	for range 4 {
		products = append(products, m.product(t, store, "Tea", 1))
		lists = append(lists, m.order(t, store, line{tea, 1}))
		m.list(t, lists[len(lists)-1])
		bots = append(bots, m.bot(t, "R2"))
	}
	pages := func(path, name, id string) (ids []string) {
		for token := ""; ; {
			r := m.OK(t, "GET", path+"&pageToken="+token, nil)
			for _, row := range r[name].([]any) {
				ids = append(ids, row.(object)[id].(string))
			}
			if token = r["nextPageToken"].(string); token == "" {
				return ids
			}
		}
	}
	for _, size := range []string{"1", "2", "3", "50"} {
		require.Equal(t, lists, pages("/api/depot/shopping?pageSize="+size, "shoppingLists", "id"))
		newest := pages("/api/depot/shopping?newestFirst=true&pageSize="+size, "shoppingLists", "id")
		slices.Reverse(newest)
		require.Equal(t, lists, newest)
		require.Equal(t, bots, pages("/api/depot/bots?pageSize="+size, "bots", "id"))
		stock := pages("/api/depot/stock?pageSize="+size, "stock", "productId")
		require.Len(t, stock, 6)
		require.Subset(t, stock, products)
	}
	m.assign(t, lists[1], bots[0])
	require.Equal(t, []string{lists[1]}, pages("/api/depot/shopping?status=SHOPPING_LIST_STATUS_ASSIGNED", "shoppingLists", "id"))
	require.Equal(t, []string{lists[2]}, pages("/api/depot/shopping?orderId="+lists[2], "shoppingLists", "id"))
	require.Empty(t, pages("/api/depot/shopping?orderId="+unknown, "shoppingLists", "id"))
	for _, query := range []string{"shopping?status=LOST", "shopping?orderId=x", "shopping?pageToken=x", "bots?pageSize=101", "stock?pageSize=-1", "stock?pageToken=x"} {
		require.Equal(t, 400, m.Do(t, "GET", "/api/depot/"+query, nil).Status, query)
	}
}

func TestAnOrderThatEndsGivesItsGoodsBack(t *testing.T) {
	m := start(t)
	store := m.store(t)
	tea := m.product(t, store, "Tea", 10)
	bot := m.bot(t, "R2")
	for status, prepare := range map[string]func(id string){
		"AVAILABLE": func(string) {},
		"ASSIGNED":  func(id string) { m.assign(t, id, bot) },
		"COMPLETED": func(id string) { m.assign(t, id, bot); m.complete(t, id) },
	} {
		id := m.order(t, store, line{tea, 3}, line{tea, 1})
		prepare(id)
		require.Equal(t, status, m.list(t, id)["status"])
		require.Equal(t, 6, m.levels(t, tea)[1])
		m.say(t, m.ordering, id, &orderingv1.OrderCanceled{OrderId: id, Reason: "changed my mind"})
		require.Equal(t, "CANCELED", m.list(t, id)["status"])
		require.Equal(t, [4]int{10, 10, 0, 0}, m.levels(t, tea), "from %s", status)
		require.Equal(t, map[string]string{"R2": "IDLE"}, m.bots(t))
		m.say(t, m.ordering, id, &orderingv1.OrderRejected{OrderId: id, Reason: "again"})
		require.Equal(t, [4]int{10, 10, 0, 0}, m.levels(t, tea), "once")
	}
	late := newID()
	m.say(t, m.ordering, late, &orderingv1.OrderRejected{OrderId: late, Reason: "gave up"}, created(late, store, line{tea, 3}))
	m.Refused(t, 404, "SHOPPING_LIST_NOT_FOUND", "GET", "/api/depot/shopping/"+late, nil)
	require.Equal(t, [4]int{10, 10, 0, 0}, m.levels(t, tea), "an order that ended first reserves nothing")
	short := m.order(t, store, line{tea, 11})
	m.Refused(t, 404, "SHOPPING_LIST_NOT_FOUND", "GET", "/api/depot/shopping/"+short, nil)
	m.say(t, m.ordering, short, &orderingv1.OrderRejected{OrderId: short, Reason: "out of stock"})
	require.Equal(t, [4]int{10, 10, 0, 0}, m.levels(t, tea))
	m.Audit(t)
}

func TestNamesAndPlacesMayComeLate(t *testing.T) {
	m := start(t)
	store := newID() // not heard of yet
	tea := m.product(t, store, "Tea", 10)
	id := m.order(t, store, line{tea, 1})
	stop := func() object { return m.list(t, id)["stops"].([]any)[0].(object) }
	require.Equal(t, []any{"Exotic Liquids", ""}, []any{stop()["storeName"], stop()["storeLocation"]})
	m.say(t, m.stores, store, &storesv1.StoreCreated{StoreId: store, Name: "Exotic", Location: "London"},
		&storesv1.StoreRebranded{StoreId: store, Name: "Exotic Drinks"})
	m.say(t, m.stores, tea, &storesv1.ProductRebranded{ProductId: tea, StoreId: store, Name: "Green tea"})
	require.Equal(t, "London", stop()["storeLocation"])
	require.Equal(t, "Exotic Liquids", stop()["storeName"], "what it was called at the check-out")
}
