package depot_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/host/hosttest"
)

const unknown = "01920000-0000-7000-8000-000000000404"

func TestTheLifeOfAShoppingList(t *testing.T) {
	m := start(t)
	store := m.store(t)
	chai, ikura := m.product(t, store, "Chai", 10), m.product(t, store, "Ikura", 5)
	id := m.order(t, store, line{chai, 1}, line{ikura, 2}, line{chai, 4})
	item := func(product string, units int) object {
		return object{"productId": product, "name": "Tea", "quantity": float64(units)}
	}
	require.Equal(t, object{
		"id": id, "orderId": id, "status": "AVAILABLE", "assignedBotId": "",
		"stops": []any{object{
			"storeId": store, "storeName": "Exotic Liquids", "storeLocation": "London, UK",
			"items": []any{item(chai, 5), item(ikura, 2)}, // lines of one product are one thing to pick
		}},
	}, m.list(t, id))
	require.Equal(t, [4]int{10, 5, 5, 0}, m.levels(t, chai))
	require.Equal(t, [4]int{5, 3, 2, 0}, m.levels(t, ikura))

	bot := m.bot(t, "R2")
	m.assign(t, id, bot)
	l := m.list(t, id)
	require.Equal(t, []any{"ASSIGNED", bot}, []any{l["status"], l["assignedBotId"]})
	require.Equal(t, map[string]string{"R2": "BUSY"}, m.bots(t))

	r := m.Do(t, "PUT", "/api/depot/shopping/"+id+"/complete", object{})
	require.Equal(t, object{}, r.Body)
	require.Equal(t, "depot/"+id+"@3", r.Header.Get("Mallbots-Position"), "reserved, assigned, completed")
	l = m.list(t, id)
	require.Equal(t, []any{"COMPLETED", bot}, []any{l["status"], l["assignedBotId"]})
	require.Equal(t, map[string]string{"R2": "IDLE"}, m.bots(t))
	require.Equal(t, [4]int{10, 5, 0, 5}, m.levels(t, chai))
	require.Equal(t, `"3"`, m.Do(t, "GET", "/api/depot/shopping/"+id, nil).Header.Get("ETag"))

	m.Restart(t)
	require.Equal(t, "COMPLETED", m.list(t, id)["status"])
	m.Audit(t)
}

func TestEveryStatusRefusesWhatItDoesNotAllow(t *testing.T) {
	m := start(t)
	store := m.store(t)
	tea := m.product(t, store, "Tea", 100)
	r2 := m.bot(t, "R2")
	for status, allowed := range map[string]struct{ assign, complete, cancel bool }{
		"AVAILABLE": {assign: true, cancel: true},
		"ASSIGNED":  {assign: true, complete: true, cancel: true},
		"COMPLETED": {},
		"CANCELED":  {},
	} {
		list := func() string {
			id := m.order(t, store, line{tea, 1})
			switch status {
			case "ASSIGNED", "COMPLETED":
				m.assign(t, id, r2)
				if status == "COMPLETED" {
					m.complete(t, id)
				}
			case "CANCELED":
				m.OK(t, "DELETE", "/api/depot/shopping/"+id, nil)
			}
			require.Equal(t, status, m.list(t, id)["status"])
			return "/api/depot/shopping/" + id
		}
		for _, c := range []struct {
			method, verb string
			body         any
			allowed      bool
		}{
			{"PUT", "/assign", object{"botId": r2}, allowed.assign},
			{"PUT", "/complete", object{}, allowed.complete},
			{"DELETE", "", nil, allowed.cancel},
		} {
			path := list()
			if c.allowed {
				m.OK(t, c.method, path+c.verb, c.body)
				m.Do(t, "DELETE", path, nil) // makes the bot idle
				continue
			}
			require.Contains(t, m.Refused(t, 409, "SHOPPING_LIST_STATE", c.method, path+c.verb, c.body), status, "it names the state")
			m.Do(t, "DELETE", path, nil)
		}
	}
	m.Audit(t)
}

func TestABotPicksOneListAtATime(t *testing.T) {
	m := start(t)
	store := m.store(t)
	tea := m.product(t, store, "Tea", 100)
	first, second := m.order(t, store, line{tea, 1}), m.order(t, store, line{tea, 1})
	r2, c3 := m.bot(t, "R2"), m.bot(t, "C3")
	m.assign(t, first, r2)
	m.assign(t, first, r2) // again changes nothing
	require.Contains(t, m.Refused(t, 409, "BOT_BUSY", "PUT", "/api/depot/shopping/"+second+"/assign", object{"botId": r2}), "BUSY")
	m.assign(t, second, c3)
	require.Equal(t, map[string]string{"R2": "BUSY", "C3": "BUSY"}, m.bots(t))

	m.OK(t, "DELETE", "/api/depot/shopping/"+second+"?reason=flood", nil)
	require.Equal(t, map[string]string{"R2": "BUSY", "C3": "IDLE"}, m.bots(t), "a cancelled list frees its bot")
	m.assign(t, first, c3)
	require.Equal(t, map[string]string{"R2": "IDLE", "C3": "BUSY"}, m.bots(t), "so does a reassigned one")
	m.complete(t, first)
	require.Equal(t, map[string]string{"R2": "IDLE", "C3": "IDLE"}, m.bots(t))

	var lists []string
	for range 8 {
		lists = append(lists, m.order(t, store, line{tea, 1}))
	}
	m.list(t, lists[7])
	hosttest.Eventually(t, func() bool {
		return len(m.OK(t, "GET", "/api/depot/shopping?status=SHOPPING_LIST_STATUS_AVAILABLE", nil)["shoppingLists"].([]any)) == 8
	})
	var all sync.WaitGroup
	won := make(chan string, 8)
	for _, id := range lists {
		all.Go(func() {
			if m.Do(t, "PUT", "/api/depot/shopping/"+id+"/assign", object{"botId": r2}).Status == 200 {
				won <- id
			}
		})
	}
	all.Wait()
	require.Len(t, won, 1, "of many lists at once one gets the bot")
	m.Audit(t)
}

func TestWhatDoesNotExistIsNotFound(t *testing.T) {
	m := start(t)
	store := m.store(t)
	list := m.order(t, store, line{m.product(t, store, "Tea", 1), 1})
	bot := m.bot(t, "R2")
	m.Refused(t, 404, "PRODUCT_NOT_FOUND", "GET", "/api/depot/stock/"+unknown, nil)
	m.Refused(t, 404, "PRODUCT_NOT_FOUND", "PUT", "/api/depot/stock/"+unknown+"/receive", object{"quantity": 1})
	m.Refused(t, 404, "SHOPPING_LIST_NOT_FOUND", "GET", "/api/depot/shopping/"+unknown, nil)
	m.Refused(t, 404, "SHOPPING_LIST_NOT_FOUND", "DELETE", "/api/depot/shopping/"+unknown, nil)
	m.Refused(t, 404, "SHOPPING_LIST_NOT_FOUND", "PUT", "/api/depot/shopping/"+unknown+"/complete", object{})
	m.Refused(t, 404, "SHOPPING_LIST_NOT_FOUND", "PUT", "/api/depot/shopping/"+unknown+"/assign", object{"botId": bot})
	m.Refused(t, 404, "BOT_NOT_FOUND", "PUT", "/api/depot/shopping/"+list+"/assign", object{"botId": unknown})
	for _, c := range [][2]string{
		{"GET", "/api/depot/stock/tea"},
		{"PUT", "/api/depot/stock/tea/receive"},
		{"GET", "/api/depot/shopping/one"},
		{"DELETE", "/api/depot/shopping/one"},
		{"PUT", "/api/depot/shopping/one/complete"},
		{"PUT", "/api/depot/shopping/one/assign"},
	} {
		var body any
		if c[0] == "PUT" {
			body = object{}
		}
		require.Equal(t, 400, m.Do(t, c[0], c[1], body).Status, "%v: a malformed id", c)
	}
	require.Equal(t, 400, m.Do(t, "PUT", "/api/depot/shopping/"+list+"/assign", object{}).Status)
	m.Refused(t, 400, "BOT_NAME_BLANK", "POST", "/api/depot/bots", object{"name": " "})
}
