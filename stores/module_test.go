package stores_test

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/host"
	"mallbots/internal/host/hosttest"
	"mallbots/internal/inbox"
	storesv1 "mallbots/proto/mallbots/stores/v1"
	"mallbots/stores"
)

const unknown = "01920000-0000-7000-8000-000000000404"

// object is a JSON object.
type object = hosttest.Object

// mall is a mall of nothing but stores, and somebody who listens to them.
type mall struct {
	*hosttest.Mall
	listener *hosttest.Listener
}

func start(t *testing.T) mall {
	t.Parallel()
	l := &hosttest.Listener{}
	return mall{hosttest.Start(t, host.Module{Name: "stores", New: stores.New}, l.Module(func(in *inbox.Inbox) {
		hosttest.Hear[storesv1.StoreCreated](l, in)
		hosttest.Hear[storesv1.StoreRebranded](l, in)
		hosttest.Hear[storesv1.StoreParticipationChanged](l, in)
		hosttest.Hear[storesv1.ProductAdded](l, in)
		hosttest.Hear[storesv1.ProductRebranded](l, in)
		hosttest.Hear[storesv1.ProductPriceChanged](l, in)
		hosttest.Hear[storesv1.ProductRemoved](l, in)
	})), l}
}

// store creates a store and returns its id.
func (m mall) store(t *testing.T, name string) string {
	t.Helper()
	return m.OK(t, "POST", "/api/stores", object{"name": name, "location": "London, UK"})["id"].(string)
}

// product adds a product and returns its id.
func (m mall) product(t *testing.T, storeID, sku string, price int64) string {
	t.Helper()
	return m.OK(t, "POST", "/api/stores/"+storeID+"/products", adding(sku, price))["id"].(string)
}

func adding(sku string, price int64) object {
	return object{"name": "Chai", "description": "10 boxes x 30 bags", "sku": sku, "price": usd(price)}
}

func usd(minorUnits int64) object { return object{"currencyCode": "USD", "minorUnits": minorUnits} }

func TestTheLifeOfAStore(t *testing.T) {
	m := start(t)
	id := m.store(t, "Exotic Liquids")
	path := "/api/stores/" + id
	require.Equal(t, object{"store": object{"id": id, "name": "Exotic Liquids", "location": "London, UK", "participating": false}},
		m.OK(t, "GET", path, nil), "a new store does not participate")
	require.Empty(t, m.OK(t, "GET", "/api/stores/participating", nil)["stores"])

	m.Refused(t, 409, "STORE_NOT_PARTICIPATING", "DELETE", path+"/participating", nil)
	m.OK(t, "PUT", path+"/participating", nil)
	m.Refused(t, 409, "STORE_PARTICIPATING", "PUT", path+"/participating", object{})
	require.Len(t, m.OK(t, "GET", "/api/stores/participating", nil)["stores"], 1)

	m.OK(t, "PUT", path+"/rebrand", object{"name": "Liquids"})
	require.Equal(t, "Liquids", m.OK(t, "GET", path, nil)["store"].(object)["name"])

	m.OK(t, "DELETE", path+"/participating", nil)
	m.Refused(t, 409, "STORE_NOT_PARTICIPATING", "DELETE", path+"/participating", nil)
	require.Empty(t, m.OK(t, "GET", "/api/stores/participating", nil)["stores"])
	require.Len(t, m.OK(t, "GET", "/api/stores", nil)["stores"], 1)

	m.Restart(t)
	require.Equal(t, `"4"`, m.Do(t, "GET", path, nil).Header.Get("ETag"), "the version counts what happened")
	m.Audit(t)
	require.Equal(t, []string{
		`StoreCreated store_id:X name:"Exotic Liquids" location:"London, UK"`,
		`StoreParticipationChanged store_id:X participating:true`,
		`StoreRebranded store_id:X name:"Liquids"`,
		`StoreParticipationChanged store_id:X`,
	}, m.listener.Heard(id, map[string]string{id: "X"}))
}

func TestTheLifeOfAProduct(t *testing.T) {
	m := start(t)
	store := m.store(t, "Exotic Liquids")
	id := m.product(t, store, "1", 1800)
	path := "/api/stores/products/" + id
	chai := object{
		"id": id, "storeId": store, "name": "Chai", "description": "10 boxes x 30 bags", "sku": "1",
		"price": object{"currencyCode": "USD", "minorUnits": "1800"},
	}
	require.Equal(t, object{"product": chai}, m.OK(t, "GET", path, nil))
	require.Equal(t, object{"products": []any{chai}, "nextPageToken": ""}, m.OK(t, "GET", "/api/stores/"+store+"/products", nil))

	m.OK(t, "PUT", path+"/rebrand", object{"name": "Tea", "description": ""})
	m.OK(t, "PUT", path+"/increasePrice", object{"price": usd(2000)})
	m.Refused(t, 409, "PRODUCT_PRICE_NOT_INCREASED", "PUT", path+"/increasePrice", object{"price": usd(2000)})
	m.Refused(t, 409, "PRODUCT_PRICE_NOT_DECREASED", "PUT", path+"/decreasePrice", object{"price": usd(2000)})
	m.OK(t, "PUT", path+"/decreasePrice", object{"price": usd(0)})
	m.Refused(t, 409, "PRODUCT_PRICE_NOT_DECREASED", "PUT", path+"/decreasePrice", object{"price": usd(0)})
	tea := m.OK(t, "GET", path, nil)["product"].(object)
	require.Equal(t, []any{"Tea", "", "0"}, []any{tea["name"], tea["description"], tea["price"].(object)["minorUnits"]})

	m.OK(t, "DELETE", path, nil)
	m.Refused(t, 404, "PRODUCT_NOT_FOUND", "GET", path, nil)
	require.Empty(t, m.OK(t, "GET", "/api/stores/"+store+"/products", nil)["products"])
	for change, body := range map[string]object{
		"PUT /rebrand":       {"name": "Tea"},
		"PUT /increasePrice": {"price": usd(1)},
		"PUT /decreasePrice": {"price": usd(1)},
		"DELETE ":            nil,
	} {
		method, verb, _ := strings.Cut(change, " ")
		var sent any
		if body != nil {
			sent = body
		}
		m.Refused(t, 409, "PRODUCT_REMOVED", method, path+verb, sent)
	}
	m.Audit(t)
	require.Equal(t, []string{
		`ProductAdded product_id:X store_id:Y name:"Chai" description:"10 boxes x 30 bags" sku:"1" price:{currency_code:"USD" minor_units:1800}`,
		`ProductRebranded product_id:X store_id:Y name:"Tea"`,
		`ProductPriceChanged product_id:X store_id:Y price:{currency_code:"USD" minor_units:2000}`,
		`ProductPriceChanged product_id:X store_id:Y price:{currency_code:"USD"}`,
		`ProductRemoved product_id:X store_id:Y`,
	}, m.listener.Heard(id, map[string]string{id: "X", store: "Y"}))
}

func TestWhatCanNotBe(t *testing.T) {
	m := start(t)
	store := m.store(t, "Exotic Liquids")
	product := m.product(t, store, "1", 1800)
	long := strings.Repeat("ä", 201)
	products, path := "/api/stores/"+store+"/products", "/api/stores/products/"+product
	with := func(field string, value any) object {
		o := adding("2", 1800)
		o[field] = value
		return o
	}
	for _, c := range []struct {
		name   string
		status int
		code   string
		method string
		path   string
		body   any
	}{
		{"a store without a name", 400, "STORE_NAME_BLANK", "POST", "/api/stores", object{"name": " ", "location": "London"}},
		{"a store with an endless name", 400, "STORE_NAME_TOO_LONG", "POST", "/api/stores", object{"name": long, "location": "London"}},
		{"a store that is nowhere", 400, "STORE_LOCATION_BLANK", "POST", "/api/stores", object{"name": "Exotic Liquids"}},
		{"a store with an unknown field", 400, "", "POST", "/api/stores", object{"name": "Exotic Liquids", "location": "London", "color": "red"}},
		{"a store that is no object", 400, "", "POST", "/api/stores", `[]`},
		{"a rebrand to nothing", 400, "STORE_NAME_BLANK", "PUT", "/api/stores/" + store + "/rebrand", object{}},
		{"an unknown store", 404, "STORE_NOT_FOUND", "GET", "/api/stores/" + unknown, nil},
		{"an unknown store that opens", 404, "STORE_NOT_FOUND", "PUT", "/api/stores/" + unknown + "/participating", nil},
		{"an unknown store that closes", 404, "STORE_NOT_FOUND", "DELETE", "/api/stores/" + unknown + "/participating", nil},
		{"an unknown store's rebrand", 404, "STORE_NOT_FOUND", "PUT", "/api/stores/" + unknown + "/rebrand", object{"name": "Liquids"}},
		{"an unknown store's catalog", 404, "STORE_NOT_FOUND", "GET", "/api/stores/" + unknown + "/products", nil},
		{"an unknown store's product", 404, "STORE_NOT_FOUND", "POST", "/api/stores/" + unknown + "/products", adding("2", 1800)},
		{"a malformed store", 400, "", "GET", "/api/stores/one", nil},
		{"a malformed store that opens", 400, "", "PUT", "/api/stores/one/participating", nil},

		{"a product without a name", 400, "PRODUCT_NAME_BLANK", "POST", products, with("name", "")},
		{"a product with an endless name", 400, "PRODUCT_NAME_TOO_LONG", "POST", products, with("name", long)},
		{"a product with an endless description", 400, "PRODUCT_DESCRIPTION_TOO_LONG", "POST", products, with("description", strings.Repeat("ä", 2001))},
		{"a product without a SKU", 400, "PRODUCT_SKU_BLANK", "POST", products, with("sku", "")},
		{"a product with a taken SKU", 409, "PRODUCT_SKU_TAKEN", "POST", products, with("sku", "1")},
		{"a product without a price", 400, "", "POST", products, with("price", nil)},
		{"a price below zero", 400, "MINOR_UNITS_OUT_OF_RANGE", "POST", products, with("price", usd(-1))},
		{"a price without end", 400, "MINOR_UNITS_OUT_OF_RANGE", "POST", products, with("price", usd(1_000_000_000_001))},
		{"a price beyond numbers", 400, "", "POST", products, with("price", object{"currencyCode": "USD", "minorUnits": "9223372036854775808"})},
		{"a price with a fraction", 400, "", "POST", products, with("price", object{"currencyCode": "USD", "minorUnits": 9.99})},
		{"another currency", 400, "CURRENCY_MISMATCH", "POST", products, with("price", object{"currencyCode": "EUR", "minorUnits": 1})},
		{"no currency", 400, "", "POST", products, with("price", object{"minorUnits": 1})},
		{"an increase in another currency", 400, "CURRENCY_MISMATCH", "PUT", path + "/increasePrice", object{"price": object{"currencyCode": "EUR", "minorUnits": 9999}}},
		{"a decrease in another currency", 400, "CURRENCY_MISMATCH", "PUT", path + "/decreasePrice", object{"price": object{"currencyCode": "EUR", "minorUnits": 1}}},
		{"a decrease below zero", 400, "MINOR_UNITS_OUT_OF_RANGE", "PUT", path + "/decreasePrice", object{"price": usd(-1)}},
		{"an increase without a price", 400, "", "PUT", path + "/increasePrice", object{}},
		{"a product's rebrand to nothing", 400, "PRODUCT_NAME_BLANK", "PUT", path + "/rebrand", object{"name": " "}},
		{"an unknown product", 404, "PRODUCT_NOT_FOUND", "GET", "/api/stores/products/" + unknown, nil},
		{"an unknown product's rebrand", 404, "PRODUCT_NOT_FOUND", "PUT", "/api/stores/products/" + unknown + "/rebrand", object{"name": "Tea"}},
		{"an unknown product's increase", 404, "PRODUCT_NOT_FOUND", "PUT", "/api/stores/products/" + unknown + "/increasePrice", object{"price": usd(1)}},
		{"an unknown product's decrease", 404, "PRODUCT_NOT_FOUND", "PUT", "/api/stores/products/" + unknown + "/decreasePrice", object{"price": usd(1)}},
		{"an unknown product's removal", 404, "PRODUCT_NOT_FOUND", "DELETE", "/api/stores/products/" + unknown, nil},
		{"a malformed product", 400, "", "DELETE", "/api/stores/products/one", nil},
		{"a store that is taken for a product", 404, "PRODUCT_NOT_FOUND", "GET", "/api/stores/products/" + store, nil},
		{"a page too large", 400, "", "GET", "/api/stores?pageSize=101", nil},
		{"a page below zero", 400, "", "GET", products + "?pageSize=-1", nil},
		{"a page that nobody gave out", 400, "PAGE_TOKEN_INVALID", "GET", "/api/stores/participating?pageToken=next", nil},
	} {
		t.Run(c.name, func(t *testing.T) { m.Refused(t, c.status, c.code, c.method, c.path, c.body) })
	}
	require.Len(t, m.OK(t, "GET", "/api/stores", nil)["stores"], 1, "nothing was written")
	require.Len(t, m.OK(t, "GET", products, nil)["products"], 1, "nothing was written")
	m.Audit(t)
}

func TestASKUIsUniqueInItsStore(t *testing.T) {
	m := start(t)
	store, other := m.store(t, "Exotic Liquids"), m.store(t, "Tokyo Traders")
	id := m.product(t, store, "1", 1800)
	m.product(t, other, "1", 1800)
	m.Refused(t, 409, "PRODUCT_SKU_TAKEN", "POST", "/api/stores/"+store+"/products", adding("1", 1))

	m.OK(t, "DELETE", "/api/stores/products/"+id, nil)
	again := m.product(t, store, "1", 1900)
	m.OK(t, "PUT", "/api/stores/products/"+again+"/increasePrice", object{"price": usd(2000)})
	m.Refused(t, 409, "PRODUCT_SKU_TAKEN", "POST", "/api/stores/"+store+"/products", adding("1", 1))
	m.Audit(t)
}

func TestOfManyWhoAddOneSKUOneWins(t *testing.T) {
	m := start(t)
	store := m.store(t, "Exotic Liquids")
	answers := make([]hosttest.Response, 12)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = m.Do(t, "POST", "/api/stores/"+store+"/products", adding("1", int64(i))) })
	}
	all.Wait()
	won := 0
	for _, r := range answers {
		if r.Status == http.StatusOK {
			won++
			continue
		}
		require.Equal(t, http.StatusConflict, r.Status, r.Text)
		require.Equal(t, "PRODUCT_SKU_TAKEN", r.Body["code"])
	}
	require.Equal(t, 1, won)
	require.Len(t, m.OK(t, "GET", "/api/stores/"+store+"/products", nil)["products"], 1)
	m.Audit(t)
}

func TestListsComeInPages(t *testing.T) {
	m := start(t)
	var stores, products []string
	for range 7 {
		stores = append(stores, m.store(t, "Exotic Liquids"))
		m.OK(t, "PUT", "/api/stores/"+stores[len(stores)-1]+"/participating", nil)
		products = append(products, m.product(t, stores[0], stores[len(stores)-1], 1800))
	}
	for path, want := range map[string][]string{
		"/api/stores":                            stores,
		"/api/stores/participating":              stores,
		"/api/stores/" + stores[0] + "/products": products,
	} {
		t.Run(path, func(t *testing.T) {
			var got []string
			token := ""
			for page := range 3 {
				body := m.OK(t, "GET", path+"?pageSize=3&pageToken="+token, nil)
				rows, ok := body["stores"].([]any)
				if !ok {
					rows = body["products"].([]any)
				}
				for _, row := range rows {
					got = append(got, row.(object)["id"].(string))
				}
				token = body["nextPageToken"].(string)
				require.Equal(t, page == 2, token == "", "the last page has no next one")
			}
			require.Equal(t, want, got, "each once, the oldest first")
		})
	}
	token := m.OK(t, "GET", "/api/stores?pageSize=3", nil)["nextPageToken"].(string)
	m.Refused(t, 400, "PAGE_TOKEN_INVALID", "GET", "/api/stores/participating?pageToken="+token, nil)
}

func TestAChangeMayNameTheVersionItKnows(t *testing.T) {
	m := start(t)
	store := m.store(t, "Exotic Liquids")
	product := "/api/stores/products/" + m.product(t, store, "1", 1800)
	etag := m.Do(t, "GET", product, nil).Header.Get("ETag")
	require.Equal(t, `"1"`, etag)
	m.OK(t, "PUT", product+"/increasePrice", object{"price": usd(1900)}, "If-Match", etag)
	m.Refused(t, 412, "VERSION_STALE", "PUT", product+"/increasePrice", object{"price": usd(2000)}, "If-Match", etag)
	m.Refused(t, 412, "VERSION_STALE", "DELETE", "/api/stores/"+store+"/participating", nil, "If-Match", `"7"`)
}

func TestARepeatedRequestHasOneEffect(t *testing.T) {
	m := start(t)
	store := m.store(t, "Exotic Liquids")
	path := "/api/stores/" + store + "/products"
	first := m.OK(t, "POST", path, adding("1", 1800), "Idempotency-Key", "k1")
	require.Equal(t, first, m.OK(t, "POST", path, adding("1", 1800), "Idempotency-Key", "k1"))
	m.Refused(t, 422, "IDEMPOTENCY_KEY_REUSED", "POST", path, adding("2", 1800), "Idempotency-Key", "k1")
	require.Len(t, m.OK(t, "GET", path, nil)["products"], 1)
	m.Audit(t)
}

// TestLostRacesAreRunAgain lets many raise one price at once: each is decided
// on the price that the one before it left, so the highest one stays.
func TestLostRacesAreRunAgain(t *testing.T) {
	m := start(t)
	path := "/api/stores/products/" + m.product(t, m.store(t, "Exotic Liquids"), "1", 0)
	statuses := make([]int, 9)
	var all sync.WaitGroup
	for price := 1; price < len(statuses); price++ {
		all.Go(func() {
			statuses[price] = m.Do(t, "PUT", path+"/increasePrice", object{"price": usd(int64(price))}).Status
		})
	}
	all.Wait()
	highest := 0
	for price, status := range statuses[1:] {
		require.Contains(t, []int{http.StatusOK, http.StatusConflict}, status)
		if status == http.StatusOK {
			highest = price + 1
		}
	}
	require.Positive(t, highest)
	require.Equal(t, strconv.Itoa(highest), m.OK(t, "GET", path, nil)["product"].(object)["price"].(object)["minorUnits"])
	m.Audit(t)
}
