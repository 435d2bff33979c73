package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"mallbots/internal/host"
	"mallbots/internal/host/hosttest"
	"mallbots/ordering"
	basketsv1 "mallbots/proto/mallbots/baskets/v1"
	moneyv1 "mallbots/proto/mallbots/money/v1"
)

// broken is a mall whose baskets sum up wrongly, so that no order comes of them.
type broken struct {
	*hosttest.Mall
	baskets hosttest.Speaker
}

func startBroken(t *testing.T) *broken {
	t.Helper()
	m := &broken{}
	m.Mall = hosttest.Start(t, host.Module{Name: "ordering", New: ordering.New}, m.baskets.Module("baskets"))
	return m
}

// checkOut lets a basket be checked out whose total is wrong.
func (m *broken) checkOut(t *testing.T) string {
	t.Helper()
	customer := id(m.OK(t, "POST", "/api/customers", object{"name": "Ada", "smsNumber": "+44 1"}))
	basket := uuid.Must(uuid.NewV7()).String()
	usd := func(cents int64) *moneyv1.Money { return &moneyv1.Money{CurrencyCode: "USD", MinorUnits: cents} }
	m.baskets.Say(t, basket, &basketsv1.BasketStarted{BasketId: basket, CustomerId: customer}, &basketsv1.BasketCheckedOut{
		BasketId: basket, CustomerId: customer, PaymentId: "p1", Total: usd(999),
		Items: []*basketsv1.BasketCheckedOutItem{{
			StoreId: uuid.NewString(), StoreName: "Waldorf Books", ProductId: uuid.NewString(), ProductName: "Atlas", Price: usd(1800), Quantity: 2,
		}},
	})
	return basket
}

func TestDeadLettersAreDecided(t *testing.T) {
	m, p := startBroken(t), open(t)
	baskets := []string{m.checkOut(t), m.checkOut(t), m.checkOut(t)}
	hosttest.Eventually(t, func() bool {
		letters, _ := m.Ops(t, "GET", "/deadletters", nil).Body["deadLetters"].([]any)
		return len(letters) == 3
	}, "there are no dead letters")
	fill := func(name, text string) chromedp.Action[chromedp.Void] {
		return chromedp.SetValue(chromedp.CSS(`form[action$="/edit"] [name=`+name+`]`), text)
	}
	send := func(verb string) chromedp.Action[chromedp.Void] {
		return chromedp.Click(chromedp.CSS(`form[action$="/` + verb + `"] button`))
	}

	// They failed alike, so they are one group. Retrying does not help.
	p.visit(t, m.OpsURL+"/console/letters")
	p.sees(t, "basket checked out", "rejected", "3 letters")
	require.Equal(t, 1, value[int](t, p, `document.querySelectorAll("article").length`))
	p.do(t, chromedp.SetValue(chromedp.CSS(`input[name=operator]`), "ada"), send("retry"))
	p.sees(t, "One failed again, and stays", "operator ada")

	// One is looked at, and its effect is seen before anything is done.
	letter := value[string](t, p, `[...document.querySelectorAll("tbody tr")].find(r => r.textContent.includes("`+baskets[0][28:]+`")).querySelector("a").href`)
	p.visit(t, letter)
	p.sees(t, "What is at stake", "USD 9.99", "You can retry when the cause is gone")
	require.Contains(t, value[string](t, p, `document.querySelector("#data").value`), `"paymentId": "••••"`)
	p.quiet(t)

	// An edit that is no JSON, or that the schema refuses, changes nothing and is kept.
	p.do(t, fill("data", `{"basketId":`), fill("reason", "wrong total"), fill("operator", "ada"), send("edit"))
	p.sees(t, "The text is no JSON, so nothing was changed.")
	p.do(t, fill("data", `{"colour": "red"}`), fill("reason", "wrong total"), send("edit"))
	p.sees(t, "Nothing was changed", `unknown field "colour"`)
	require.Equal(t, `{"colour": "red"}`, value[string](t, p, `document.querySelector("#data").value`), "what was typed is not lost")
	require.Equal(t, "wrong total", value[string](t, p, `document.querySelector("form[action$='/edit'] [name=reason]").value`))

	// One that is right takes its place, and is then handled.
	p.visit(t, letter)
	text := value[string](t, p, `document.querySelector("#data").value`)
	p.do(t, fill("data", strings.Replace(text, `"999"`, `"3600"`, 1)), fill("reason", "wrong total"), send("edit"))
	p.sees(t, "This is the edited copy", "USD 36.00")
	m.Refused(t, 404, "ORDER_NOT_FOUND", "GET", "/api/ordering/"+baskets[0], nil)
	p.do(t, send("retry"))
	p.sees(t, "Done: retry of", "wrong total")
	m.OK(t, "GET", "/api/ordering/"+baskets[0], nil)

	// Another is given up, and stays to be looked at.
	other := value[string](t, p, `document.querySelector("article tbody a").href`)
	p.visit(t, other)
	p.do(t, chromedp.SetValue(chromedp.CSS(`form[action$="/discard"] [name=reason]`), "a test order"), send("discard"))
	p.sees(t, "Done: discard of", "a test order")
	p.visit(t, other)
	p.sees(t, "discarded", "a test order")
	p.clear()
	p.visit(t, m.OpsURL+"/console/health")
	p.sees(t, "Something needs attention", "1 messages are set aside")
	p.do(t, chromedp.Click(`//a[text()="What to do"]`))
	p.sees(t, "Meaning", "What users see", "Mend")
	p.quiet(t)
}
