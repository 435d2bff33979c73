package ordering_test

import (
	"net/url"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/host/hosttest"
	basketsv1 "mallbots/proto/mallbots/baskets/v1"
)

// list returns the ids of all orders that match, page by page.
func (m *mall) list(t *testing.T, pageSize string, filter ...string) []string {
	t.Helper()
	values := url.Values{"pageSize": {pageSize}}
	for i := 0; i+1 < len(filter); i += 2 {
		values.Set(filter[i], filter[i+1])
	}
	ids := []string{}
	for {
		r := m.OK(t, "GET", "/api/ordering?"+values.Encode(), nil)
		for _, o := range r["orders"].([]any) {
			require.NotEmpty(t, o.(object)["items"])
			ids = append(ids, o.(object)["id"].(string))
		}
		next := r["nextPageToken"].(string)
		if next == "" {
			return ids
		}
		require.NotEmpty(t, r["orders"])
		values.Set("pageToken", next)
	}
}

func TestOrdersAreListedPageByPage(t *testing.T) {
	m := start(t)
	ada, eve := m.customer(t), m.customer(t)
	var all, adas, times []string
	for i := range 7 {
		customer := ada
		if i%3 == 2 {
			customer = eve
		}
		id := m.checkOut(t, customer)
		all = append(all, id)
		if customer == ada {
			adas = append(adas, id)
		}
		times = append(times, m.order(t, id)["createdAt"].(string))
	}
	require.Equal(t, all, m.list(t, "100"), "the oldest first")
	for _, size := range []string{"1", "2", "3", "7"} {
		require.Equal(t, all, m.list(t, size))
		require.Equal(t, adas, m.list(t, size, "customerId", ada))
		require.Equal(t, all, m.list(t, size, "storeId", store))
		for _, filter := range [][]string{nil, {"customerId", ada}, {"storeId", store}} {
			newest := m.list(t, size, append(filter, "newestFirst", "true")...)
			slices.Reverse(newest)
			require.Equal(t, m.list(t, size, filter...), newest)
		}
	}
	require.Empty(t, m.list(t, "2", "storeId", newID()))
	require.Empty(t, m.list(t, "2", "customerId", newID()))
	require.Equal(t, all[2:], m.list(t, "2", "createdAfter", times[2]), "that moment or later")
	require.Equal(t, all[:2], m.list(t, "2", "createdBefore", times[2]), "before that moment")
	require.Equal(t, all[2:5], m.list(t, "2", "createdAfter", times[2], "createdBefore", times[5]))

	m.reserved(t, all[1])
	require.Equal(t, []string{all[1]}, m.list(t, "2", "status", "ORDER_STATUS_APPROVED"))
	require.Equal(t, slices.Delete(slices.Clone(adas), 1, 2), m.list(t, "2", "customerId", ada, "status", "ORDER_STATUS_PENDING"))
	require.Equal(t, all, m.list(t, "3", "status", "ORDER_STATUS_UNSPECIFIED"))
}

func TestAListRefusesWhatItCannotRead(t *testing.T) {
	m := start(t)
	m.checkOut(t, m.customer(t))
	m.checkOut(t, m.customer(t))
	token := m.OK(t, "GET", "/api/ordering?pageSize=1", nil)["nextPageToken"].(string)
	require.NotEmpty(t, token)
	for _, query := range []string{
		"pageSize=101", "pageSize=-1", "pageSize=x", "pageToken=x", "customerId=ada", "storeId=tea", "status=OPEN", "status=99",
		"createdAfter=today", "createdBefore=99999", "color=red", "status=ORDER_STATUS_READY&pageToken=" + token,
	} {
		r := m.Do(t, "GET", "/api/ordering?"+query, nil)
		require.Equal(t, 400, r.Status, "%s: %s", query, r.Text)
	}
}

func TestACheckOutThatMakesNoSenseIsADeadLetter(t *testing.T) {
	m := start(t)
	customer := m.customer(t)
	for name, change := range map[string]func(*basketsv1.BasketCheckedOut){
		"another total":    func(e *basketsv1.BasketCheckedOut) { e.Total = usd(1) },
		"another currency": func(e *basketsv1.BasketCheckedOut) { e.Items[0].Price.CurrencyCode = "EUR" },
		"no lines":         func(e *basketsv1.BasketCheckedOut) { e.Items, e.Total = nil, usd(0) },
		"negative price":   func(e *basketsv1.BasketCheckedOut) { e.Items[0].Price.MinorUnits = -1 },
		"no quantity":      func(e *basketsv1.BasketCheckedOut) { e.Items[0].Quantity = 0 },
		"no currency": func(e *basketsv1.BasketCheckedOut) {
			e.Total.CurrencyCode, e.Items[0].Price.CurrencyCode, e.Items[1].Price.CurrencyCode = "", "", ""
		},
		"no customer": func(e *basketsv1.BasketCheckedOut) { e.CustomerId = "" },
	} {
		id := newID()
		e := checkedOut(id, customer)
		change(e)
		m.baskets.Say(t, id, e)
		hosttest.Eventually(t, func() bool { return m.isDeadLetter(t, id) }, name)
		m.Refused(t, 404, "ORDER_NOT_FOUND", "GET", "/api/ordering/"+id, nil)
	}
	m.checkOut(t, customer) // the others go on
}
