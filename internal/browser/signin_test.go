package browser

import (
	"cmp"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"mallbots/internal/credential"
	"mallbots/internal/host"
	"mallbots/internal/host/hosttest"
	"mallbots/internal/identity"
)

func TestACustomerSignsInWhereEverybodyIsAsked(t *testing.T) {
	p := open(t)
	m := hosttest.StartWith(t, host.Config{Data: t.TempDir(), Log: hosttest.Log(t), Security: host.Security{Auth: "on"}}, modules...)
	key := func(role identity.Role, customer string) string {
		t.Helper()
		text, k := credential.NewKey()
		k.Holder, k.Roles, k.Customer, k.Expires = "holder-"+cmp.Or(customer, "service"), []identity.Role{role}, customer, time.Now().Add(time.Hour)
		r := m.Ops(t, "POST", "/keys", k)
		require.Equal(t, 200, r.Status, r.Text)
		return text.Reveal()
	}
	admin := []string{"Authorization", "Bearer " + key(identity.Service, "")}
	store := id(m.OK(t, "POST", "/api/stores", object{"name": "Waldorf Books", "location": "West"}, admin...))
	m.OK(t, "PUT", "/api/stores/"+store+"/participating", nil, admin...)
	product := id(m.OK(t, "POST", "/api/stores/"+store+"/products", object{"name": "Atlas", "sku": "A", "price": object{"currencyCode": "USD", "minorUnits": 100}}, admin...))
	m.Settle(t)
	m.OK(t, "PUT", "/api/depot/stock/"+product+"/receive", object{"quantity": 10}, admin...)
	ada := id(m.OK(t, "POST", "/api/customers", object{"name": "Ada", "smsNumber": "1"}, admin...))
	grace := id(m.OK(t, "POST", "/api/customers", object{"name": "Grace", "smsNumber": "1"}, admin...))
	m.Settle(t)

	buy := func(customer string) string {
		t.Helper()
		p.visit(t, m.URL+"/shop/signin")
		p.do(t, chromedp.SendKeys(chromedp.CSS(`input[name=token]`), key(identity.Customer, customer)+kb.Enter))
		p.sees(t, "Waldorf Books")
		p.visit(t, m.URL+"/shop/stores/"+store)
		p.do(t, chromedp.Click(chromedp.CSS(`.product button`)))
		p.sees(t, "Atlas is in your basket")
		p.visit(t, m.URL+"/shop/basket")
		p.do(t, chromedp.Click(chromedp.CSS(`.checkout button`)))
		p.sees(t, "The depot has reserved")
		return value[string](t, p, `location.pathname`)
	}
	p.visit(t, m.URL+"/shop/stores/"+store)
	p.do(t, chromedp.Click(chromedp.CSS(`.product button`)))
	p.sees(t, "Sign in")
	p.clear()
	adas := buy(ada)
	require.Equal(t, "", value[string](t, p, `document.cookie`), "no script can read the key")
	p.quiet(t)
	buy(grace)
	p.visit(t, m.URL+adas)
	p.sees(t, "There is no such thing here")
}
