package browser

import (
	"context"
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"mallbots/internal/broker/brokertest"
	"mallbots/internal/host"
	"mallbots/internal/host/hosttest"
	"mallbots/internal/secret"
	"mallbots/internal/web"
)

func TestOneConsoleForSeveralProcesses(t *testing.T) {
	p, nats := open(t), brokertest.NewExternal(t)
	here := hosttest.StartWith(t, host.Config{Data: t.TempDir(), NATSURL: secret.Text(nats.URL()), Log: hosttest.Log(t)}, modules[:2]...)
	there := hosttest.StartWith(t, host.Config{Data: t.TempDir(), NATSURL: secret.Text(nats.URL()), Log: hosttest.Log(t)}, modules[2:]...)
	store := id(here.OK(t, "POST", "/api/stores", object{"name": "Waldorf Books", "location": "West"}))
	here.OK(t, "PUT", "/api/stores/"+store+"/participating", nil)
	r := here.Do(t, "POST", "/api/stores/"+store+"/products", object{"name": "Atlas", "sku": "A", "price": object{"currencyCode": "USD", "minorUnits": 100}})
	there.After(r.Header.Get("Mallbots-Position"))
	there.OK(t, "PUT", "/api/depot/stock/"+id(r.Body)+"/receive", object{"quantity": 10})

	p.visit(t, here.URL+"/")
	p.sees(t, "The storefront is not open here", "mallbots console --ops")
	p.clear()

	var processes []*web.Process
	for _, m := range []*hosttest.Mall{here, there} {
		process, err := web.At(m.OpsURL, http.DefaultClient)
		require.NoError(t, err)
		processes = append(processes, process)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ready, done := make(chan string, 1), make(chan error, 1)
	go func() {
		done <- host.ServePages(ctx, "127.0.0.1:0", web.NewMall(processes...), hosttest.Log(t), func(url string) { ready <- url })
	}()
	t.Cleanup(func() { stop(); require.NoError(t, <-done) })
	url := <-ready
	require.ErrorContains(t, host.ServePages(ctx, "0.0.0.0:0", nil, nil, nil), "serve it on 127.0.0.1")

	p.visit(t, url+"/shop/stores/"+store)
	p.do(t, chromedp.Click(chromedp.CSS(`.product button`)))
	p.sees(t, "Atlas is in your basket")
	p.visit(t, url+"/shop/basket")
	p.do(t, chromedp.SendKeys(chromedp.CSS(`input[name=name]`), "Ada"+kb.Enter))
	p.sees(t, "The depot has reserved")
	order := value[string](t, p, `location.pathname.split("/").pop()`)
	p.visit(t, url+"/console/orders/"+order)
	p.sees(t, "basket checked out", "because of BasketCheckedOut of baskets", "because of StockReserved of depot")
	p.visit(t, url+"/console")
	require.Equal(t, 4, value[int](t, p, `document.querySelectorAll(".map .node:not(.absent)").length`))
	p.visit(t, url+"/console/health")
	p.sees(t, "All is well.", "stores.relay", "depot.relay")
	p.quiet(t)
}
