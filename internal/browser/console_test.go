package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"mallbots/internal/host/hosttest"
)

func TestTheLifeOfAnOrder(t *testing.T) {
	m, p := start(t), open(t)
	order := m.order(t, "Ada Lovelace", m.products[0], m.products[4])
	m.pick(t, order)
	m.Settle(t)
	p.visit(t, m.OpsURL+"/console/orders")
	p.sees(t, "Ada Lovelace", "ready")
	p.do(t, chromedp.SendKeys(chromedp.CSS(`input[name=q]`), order+kb.Enter))
	p.sees(t, "basket checked out", "because of BasketCheckedOut of baskets", "OrderCreated", "depot handled it after",
		"because of StockReserved of depot", "order readied", "waits for the customer to collect it")

	// The slider goes through its life, by the keyboard.
	p.do(t, chromedp.Focus(chromedp.CSS(`#step`)), chromedp.KeyEvent(kb.Home))
	p.sees(t, "no order yet", "It was still a basket.")
	states := map[string]bool{}
	for range value[int](t, p, `Number(document.querySelector("#step").max)`) {
		p.do(t, chromedp.KeyEvent(kb.ArrowRight))
		at := value[int](t, p, `Number(document.querySelector("#step").value)`)
		p.sees(t, fmt.Sprintf("after step %d:", at+1))
		states[value[string](t, p, `document.querySelector("#as-of .status").textContent`)] = true
	}
	require.Equal(t, map[string]bool{"no order yet": true, "pending": true, "approved": true, "ready": true}, states)
	require.Equal(t, "step", value[string](t, p, `document.activeElement.id`), "the slider keeps the focus")

	// The same without JavaScript: each step is a link.
	p.do(t, chromedp.Click(`//a[contains(@href, "?step=0#")]`))
	p.sees(t, "no order yet")
	p.quiet(t)
}

func TestOrdersAreSearched(t *testing.T) {
	m, p := start(t), open(t)
	ada, grace := m.order(t, "Ada", m.products[0]), m.order(t, "Grace", m.products[3])
	m.pick(t, ada)
	m.Settle(t)
	rows := func() []string {
		return value[[]string](t, p, `[...document.querySelectorAll("tbody th a")].map(a => a.getAttribute("href").split("/").pop())`)
	}
	for query, want := range map[string][]string{
		"": {grace, ada}, "status=READY": {ada}, "status=APPROVED": {grace}, "store=" + m.stores[1]: {grace}, "store=" + m.stores[2]: {},
		"from=2026-01-01T00:00": {grace, ada}, "until=2026-01-01T00:00": {}, "status=READY&store=" + m.stores[1]: {},
	} {
		p.visit(t, m.OpsURL+"/console/orders?"+query)
		require.Equal(t, want, rows(), query)
	}
	customer := m.OK(t, "GET", "/api/ordering/"+grace, nil)["order"].(object)["customerId"].(string)
	p.visit(t, m.OpsURL+"/console/orders?q="+customer)
	require.Equal(t, []string{grace}, rows(), "by the customer's id")
	p.visit(t, m.OpsURL+"/console/orders")
	p.do(t, chromedp.SetValue(chromedp.CSS(`select[name=status]`), "READY"), chromedp.Submit(chromedp.CSS(`select[name=status]`)))
	hosttest.Eventually(t, func() bool { return len(rows()) == 1 })
	require.Equal(t, []string{ada}, rows())
	p.quiet(t)
	p.visit(t, m.OpsURL+"/console/orders?q=Grace")
	p.sees(t, "names are sealed")
}

func TestTheMapTheDepotAndTheHealthAreLive(t *testing.T) {
	m, p := start(t), open(t)
	p.visit(t, m.OpsURL+"/console")
	p.sees(t, "stores", "ordering", "BasketCheckedOut", "StockReserved")
	require.Equal(t, 4, value[int](t, p, `document.querySelectorAll(".map .node").length`))
	require.Equal(t, 6, value[int](t, p, `document.querySelectorAll(".map .edge").length`), "as in the picture of the README")
	require.Zero(t, value[int](t, p, `document.querySelectorAll(".edge-silent, .edge-failing, .edge-unexpected").length`))
	order := m.order(t, "Ada", m.products[0])
	hosttest.Eventually(t, func() bool { // nobody reloads the page
		return value[int](t, p, `document.querySelectorAll(".edge-flowing").length`) > 0
	}, "no edge flows")

	p.visit(t, m.OpsURL+"/console/depot")
	p.sees(t, "Atlas of Small Rivers", "available", "1 units")
	require.Equal(t, 1, value[int](t, p, `document.querySelectorAll(".column:first-child .ticket").length`))
	m.pick(t, order)
	hosttest.Eventually(t, func() bool {
		return value[int](t, p, `document.querySelectorAll(".column:nth-child(3) .ticket").length`) == 1
	}, "the list does not move")

	p.visit(t, m.OpsURL+"/console/health")
	p.sees(t, "All is well.", "baskets.relay", "ordering.consumer", "depot.timers", "stores.database")
	p.quiet(t)
}

func TestACrossSitePostIsRefused(t *testing.T) {
	m, p := start(t), open(t)
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		target := m.OpsURL + "/console/letters/01a200eb-82bb-7c18-91b9-beebc338ddc9/discard"
		if r.URL.Path == "/shop" {
			target = m.URL + "/shop/checkout"
		}
		_, _ = fmt.Fprintf(w, `<form method="post" action="%s"><input name="reason" value="because"><input name="operator" value="eve"><button>win a prize</button></form>`, target)
	}))
	t.Cleanup(evil.Close)
	for _, path := range []string{"/console", "/shop"} {
		p.visit(t, evil.URL+path)
		p.do(t, chromedp.Click(chromedp.CSS(`button`)))
		p.sees(t, "CROSS_SITE")
	}
	require.Empty(t, m.Ops(t, "GET", "/actions", nil).Body["actions"], "nothing was done")
}

func TestATabInADarkPhoneReachesEverythingByKeyboard(t *testing.T) {
	m, p := start(t), open(t)
	order := m.order(t, "Ada", m.products[0])
	p.do(t, chromedp.EmulateViewport(390, 844, chromedp.EmulateScale(1)), dark)
	for _, page := range pages(m, order) {
		p.visit(t, page)
		require.LessOrEqual(t, value[int](t, p, `document.documentElement.scrollWidth`), 390, "%s is wider than the phone", page)
		require.Less(t, value[int](t, p, `Number(getComputedStyle(document.body).backgroundColor.match(/\d+/)[0])`), 60, "%s is not dark", page)
		p.do(t, chromedp.KeyEvent(kb.Tab))
		require.Equal(t, "skip", value[string](t, p, `document.activeElement.className`), "%s: the first stop skips to the content", page)
		stops := value[int](t, p, `[...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']")].filter(e => e.checkVisibility()).length`)
		reached := map[int]bool{}
		for range 4 * stops { // an input of a time has several stops
			if reached[value[int](t, p, `[...document.querySelectorAll("*")].indexOf(document.activeElement)`)] = true; len(reached) == stops {
				break
			}
			p.do(t, chromedp.KeyEvent(kb.Tab))
		}
		require.GreaterOrEqual(t, len(reached), stops, "%s: some stops cannot be reached", page)
	}
	p.quiet(t)
}
