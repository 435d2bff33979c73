package browser

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"mallbots/internal/host/hosttest"
)

// hostile is a name that would run if it were not escaped.
const hostile = `<script>document.title="owned"</script><img src=x onerror="document.title='owned'">`

func TestAVisitorBuysAndWatchesTheOrderArrive(t *testing.T) {
	m, p := start(t), open(t)
	p.do(t, chromedp.Navigate(m.URL+"/"))
	p.sees(t, "Everything under one roof", "Kitchen & Co", "Cast Iron Pan")
	p.do(t, chromedp.Click(`//a[text()="Kitchen & Co"]`))
	p.sees(t, "Bread Knife", "Ground floor, east")
	p.do(t, chromedp.SetValue(chromedp.CSS(`.product:nth-child(2) input[name=quantity]`), "3"),
		chromedp.Click(chromedp.CSS(`.product:nth-child(2) button`)))
	p.sees(t, "Bread Knife is in your basket")
	require.Equal(t, "3", value[string](t, p, `document.querySelector(".badge").textContent`))
	p.do(t, chromedp.Click(`//a[text()="Go to the basket"]`))
	p.sees(t, "Bread Knife", "USD 126.81")
	p.do(t, chromedp.SendKeys(chromedp.CSS(`input[name=name]`), hostile+kb.Enter))
	p.sees(t, "Your order is on its way", "The depot has reserved every line of it.")

	order := value[string](t, p, `location.pathname.split("/").pop()`)
	m.pick(t, order) // nobody reloads the page
	p.sees(t, "Your order is ready", "A bot has picked it")
	p.do(t, chromedp.Click(`//button[text()="Collect it"]`))
	p.sees(t, "Enjoy, "+hostile)
	require.NotEqual(t, "owned", value[string](t, p, `document.title`))
	p.quiet(t)
	m.Audit(t)
}

func TestTheBasketIsChangedAndTheOrderGivenUp(t *testing.T) {
	m, p := start(t), open(t)
	p.do(t, chromedp.Navigate(m.URL+"/shop/basket"))
	p.sees(t, "It is empty.")
	add := func(product, quantity string) {
		t.Helper()
		p.do(t, chromedp.Navigate(m.URL+"/shop/stores/"+m.stores[0]),
			chromedp.SetValue(`//li[.//h2[text()="`+product+`"]]//input[@name="quantity"]`, quantity),
			chromedp.Click(`//li[.//h2[text()="`+product+`"]]//button`))
		p.sees(t, product+" is in your basket")
	}
	add("Pencil", "2")
	add("Notebook", "101") // one more than there is
	p.do(t, chromedp.Navigate(m.URL+"/shop/basket"), chromedp.Click(chromedp.CSS(`tbody tr:first-child button`)))
	hosttest.Eventually(t, func() bool { return !strings.Contains(p.text(t), "Pencil") }, "the line is still there")
	p.sees(t, "Notebook")
	p.do(t, chromedp.SendKeys(chromedp.CSS(`input[name=name]`), "Ada"+kb.Enter))
	p.sees(t, "We could not fill your order")

	add("Pencil", "1")
	p.do(t, chromedp.Navigate(m.URL+"/shop/basket"))
	require.Equal(t, "Ada", value[string](t, p, `document.querySelector("input[name=name]").value`), "the mall remembers the name")
	p.do(t, chromedp.SendKeys(chromedp.CSS(`input[name=name]`), kb.Enter))
	p.sees(t, "The depot has reserved")
	p.do(t, chromedp.Click(`//button[text()="Cancel the order"]`))
	p.sees(t, "Your order was cancelled")
	p.quiet(t)
	m.Audit(t)
}

func TestEveryNameIsHarmless(t *testing.T) {
	m, p := start(t), open(t)
	store := id(m.OK(t, "POST", "/api/stores", object{"name": hostile, "location": hostile}))
	m.OK(t, "PUT", "/api/stores/"+store+"/participating", nil)
	product := m.product(t, store, hostile, 100, 10)
	m.OK(t, "POST", "/api/depot/bots", object{"name": hostile})
	m.Settle(t)
	order := m.order(t, hostile, product)
	for _, page := range []string{
		m.URL + "/", m.URL + "/shop/stores/" + store, m.URL + "/shop/stores/" + store + "?added=" + url.QueryEscape(hostile),
		m.URL + "/shop/orders/" + order, m.OpsURL + "/console", m.OpsURL + "/console/orders", m.OpsURL + "/console/orders/" + order,
		m.OpsURL + "/console/depot", m.OpsURL + "/console/orders?q=" + url.QueryEscape(hostile), m.OpsURL + "/console/letters?done=" + url.QueryEscape(hostile),
	} {
		p.do(t, chromedp.Navigate(page))
		if !strings.HasSuffix(page, "/console") {
			p.sees(t, hostile)
		}
		require.NotEqual(t, "owned", value[string](t, p, `document.title`), page)
		require.False(t, value[bool](t, p, `[...document.querySelectorAll("script")].some(s => !s.src) || document.querySelector("img[onerror]") != null`), page)
	}
}

func TestWhatIsNotThereIsSaidSo(t *testing.T) {
	m := start(t)
	for path, status := range map[string]int{
		m.URL + "/shop/stores/01a200eb-82bb-7c18-91b9-beebc338ddc9": 404, m.URL + "/shop/stores/x": 400, m.URL + "/?page=nonsense": 400,
		m.URL + "/shop/orders/01a200eb-82bb-7c18-91b9-beebc338ddc9":       404,
		m.OpsURL + "/console/orders/01a200eb-82bb-7c18-91b9-beebc338ddc9": 404, m.OpsURL + "/console/orders?page=nonsense": 400,
		m.OpsURL + "/console/letters/nonsense": 404, m.OpsURL + "/console/orders?from=yesterday": 400,
	} {
		res, err := http.Get(path)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, status, res.StatusCode, path)
		require.Contains(t, res.Header.Get("Content-Type"), "text/html", path)
	}
}
