package host_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/broker/brokertest"
	"mallbots/internal/database/pgtest"
	"mallbots/internal/freeport"
	"mallbots/internal/host"
	"mallbots/internal/host/hosttest"
	"mallbots/internal/secret"
)

// pair is a mall, and a process that stands by for one of its modules.
type pair struct {
	nats        *brokertest.External
	mall, other *hosttest.Mall
	module      string
	store, tea  string
	customer    string
	orders      int
}

func module(name string) host.Module {
	for _, m := range all {
		if m.Name == name {
			return m
		}
	}
	panic(name)
}

func startPair(t *testing.T, name string, from, to host.Config) *pair {
	t.Helper()
	p := &pair{nats: brokertest.NewExternal(t), module: name}
	from.NATSURL, to.NATSURL, to.Standby = secret.Text(p.nats.URL()), secret.Text(p.nats.URL()), true
	for _, c := range []*host.Config{&from, &to} {
		c.Data, c.Log = t.TempDir(), hosttest.Log(t)
	}
	p.mall = hosttest.StartWith(t, from, all...)
	p.other = hosttest.StartWith(t, to, module(name))
	p.store = p.ok(t, "POST", "/api/stores", `{"name":"Teas","location":"left"}`)["id"].(string)
	p.ok(t, "PUT", "/api/stores/"+p.store+"/participating", `{}`)
	p.tea = p.ok(t, "POST", "/api/stores/"+p.store+"/products", `{"name":"Oolong","sku":"T-1","price":{"currencyCode":"USD","minorUnits":1250}}`)["id"].(string)
	p.customer = p.ok(t, "POST", "/api/customers", `{"name":"Ada","smsNumber":"+44 1"}`)["id"].(string)
	p.mall.Settle(t)
	p.ok(t, "PUT", "/api/depot/stock/"+p.tea+"/receive", `{"quantity":1000}`)
	return p
}

func (p *pair) ok(t *testing.T, method, path, body string) hosttest.Object {
	t.Helper()
	return p.mall.OK(t, method, path, body)
}

// buy has an order go all the way to its approval.
func (p *pair) buy(t *testing.T) string {
	t.Helper()
	basket := p.ok(t, "POST", "/api/baskets", `{"customerId":"`+p.customer+`"}`)["id"].(string)
	p.ok(t, "PUT", "/api/baskets/"+basket+"/addItem", `{"productId":"`+p.tea+`","quantity":2}`)
	p.ok(t, "PUT", "/api/baskets/"+basket+"/checkout", `{"paymentId":"p1"}`)
	hosttest.Eventually(t, func() bool {
		o, _ := p.mall.Do(t, "GET", "/api/ordering/"+basket, nil).Body["order"].(hosttest.Object)
		return o["status"] == "ORDER_STATUS_APPROVED"
	})
	p.orders++
	return basket
}

// move asks a process to take the module from another.
func (p *pair) move(t *testing.T, from, to *hosttest.Mall) hosttest.Response {
	t.Helper()
	return to.Ops(t, "POST", "/modules/"+p.module+"/arrive", host.MoveRequest{From: from.OpsURL, Ops: to.OpsURL, API: to.URL, Pause: "2s"})
}

// slow is what a move says that was undone because it would have taken too long.
var slow = regexp.MustCompile(`could not pause in time|the pause is over|too many rows for such a pause`)

// moved requires that a move went well, and within its time.
func (p *pair) moved(t *testing.T, from, to *hosttest.Mall) {
	t.Helper()
	r := p.move(t, from, to)
	for again := 0; again < 4 && slow.MatchString(r.Text); again++ { // others were at work on the machine
		r = p.move(t, from, to)
	}
	require.Equal(t, http.StatusOK, r.Status, r.Text)
	paused, _ := r.Body["pausedMs"].(float64)
	require.Less(t, paused, 2000.0)
	t.Log(r.Text)
	require.False(t, works(t, from, p.module))
	require.True(t, works(t, to, p.module))
}

func works(t *testing.T, m *hosttest.Mall, name string) bool {
	t.Helper()
	works, ok := m.Ops(t, "GET", "/modules/"+name, nil).Body["works"].(bool)
	require.True(t, ok)
	return works
}

// audit requires that the books of both processes hold, and agree about stock.
func (p *pair) audit(t *testing.T) {
	t.Helper()
	for range 2 { // what one sends late the other has by the second time
		p.mall.Settle(t)
		p.other.Settle(t)
	}
	p.mall.Audit(t)
	p.other.Audit(t)
	stock := p.ok(t, "GET", "/api/depot/stock/"+p.tea, "")["stock"].(hosttest.Object)
	require.EqualValues(t, 2*p.orders, stock["reserved"], stock)
}

func TestAModuleMovesThereAndBack(t *testing.T) {
	for _, name := range []string{"stores", "baskets", "ordering", "depot"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startPair(t, name, host.Config{}, host.Config{})
			p.buy(t)
			p.moved(t, p.mall, p.other)
			p.buy(t)
			p.audit(t)
			p.moved(t, p.other, p.mall)
			p.buy(t)
			p.audit(t)
			p.moved(t, p.mall, p.other)
			p.mall.Restart(t) // it remembers that the module is gone
			require.False(t, works(t, p.mall, name))
			p.buy(t)
			p.audit(t)
			healthy(t, p.mall)
			healthy(t, p.other)
		})
	}
}

func TestAModuleMovesFromOneDatabaseToAnother(t *testing.T) {
	for _, c := range []struct {
		name     string
		from, to host.Config
	}{
		{"SQLite to PostgreSQL", host.Config{}, host.Config{DatabaseURL: secret.Text(pgtest.DSN(t))}},
		{"PostgreSQL to PostgreSQL", host.Config{DatabaseURL: secret.Text(pgtest.DSN(t))}, host.Config{DatabaseURL: secret.Text(pgtest.DSN(t))}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := startPair(t, "depot", c.from, c.to)
			p.buy(t)
			p.moved(t, p.mall, p.other)
			p.buy(t)
			p.audit(t)
			p.moved(t, p.other, p.mall)
			p.buy(t)
			p.audit(t)
		})
	}
}

func TestAMoveThatCannotGoWellIsRefused(t *testing.T) {
	p := startPair(t, "depot", host.Config{}, host.Config{})
	other := startBroker(t, 0, t.TempDir())
	refuses := func(code int, sentence string, to *hosttest.Mall, request host.MoveRequest) {
		t.Helper()
		r := to.Ops(t, "POST", "/modules/depot/arrive", request)
		require.Equal(t, code, r.Status, r.Text)
		require.Contains(t, r.Text, sentence)
		require.True(t, works(t, p.mall, "depot"))
	}
	good := host.MoveRequest{From: p.mall.OpsURL, Ops: p.other.OpsURL, API: p.other.URL, Pause: "2s"}

	refuses(409, "runs in this process already", p.mall, host.MoveRequest{From: p.other.OpsURL, Ops: p.mall.OpsURL, API: p.mall.URL, Pause: "2s"})
	nobody := good
	nobody.From = "http://" + freeport.Address(t)
	refuses(503, "does not answer", p.other, nobody)
	hasty := good
	hasty.Pause = "1ns"
	refuses(503, "undone", p.other, hasty)
	hasty.Pause = "soon"
	refuses(400, "must be a duration", p.other, hasty)

	r := p.other.Ops(t, "POST", "/modules/kiosk/arrive", good)
	require.Equal(t, 404, r.Status, r.Text)
	stores := hosttest.StartWith(t, host.Config{Data: t.TempDir(), NATSURL: secret.Text(p.nats.URL()), Standby: true, Log: hosttest.Log(t)}, module("stores"))
	r = stores.Ops(t, "POST", "/modules/stores/arrive", host.MoveRequest{From: p.other.OpsURL, Ops: stores.OpsURL, API: stores.URL, Pause: "2s"})
	require.Equal(t, 404, r.Status, "%s", r.Text)
	require.Contains(t, r.Text, "no module of that name")

	foreign := hosttest.StartWith(t, host.Config{Data: t.TempDir(), NATSURL: secret.Text(other.ClientURL()), Standby: true, Log: hosttest.Log(t)}, module("depot"))
	refuses(409, "different brokers", foreign, host.MoveRequest{From: p.mall.OpsURL, Ops: foreign.OpsURL, API: foreign.URL, Pause: "2s"})

	data := t.TempDir()
	full := hosttest.StartWith(t, host.Config{Data: data, Log: hosttest.Log(t)}, all...)
	store := full.OK(t, "POST", "/api/stores", `{"name":"Teas","location":"left"}`)["id"].(string)
	full.Settle(t)
	require.NotEmpty(t, store)
	full.Stop(t)
	holds := hosttest.StartWith(t, host.Config{Data: data, NATSURL: secret.Text(p.nats.URL()), Standby: true, Log: hosttest.Log(t)}, module("depot"))
	refuses(409, "holds data", holds, host.MoveRequest{From: p.mall.OpsURL, Ops: holds.OpsURL, API: holds.URL, Pause: "2s"})

	p.moved(t, p.mall, p.other) // none of it was in the way
	p.buy(t)
	p.audit(t)
}

func TestAModuleThatStandsByAnswersNobody(t *testing.T) {
	m := hosttest.StartWith(t, host.Config{Data: t.TempDir(), Standby: true, Log: hosttest.Log(t)}, module("depot"))
	require.Contains(t, m.Refused(t, 503, "MODULE_STANDBY", "GET", "/api/depot/bots", nil), "stands by")
	hosttest.Eventually(t, func() bool {
		r := m.Ops(t, "GET", "/readyz", nil)
		return r.Status == 503 && strings.Contains(r.Text, "mallbots move depot")
	})
}

// TestAPauseThatNobodyEndsEndsByItself is the other process dying in the middle.
func TestAPauseThatNobodyEndsEndsByItself(t *testing.T) {
	p := startPair(t, "depot", host.Config{}, host.Config{})
	const pause = 1500 * time.Millisecond // time enough to see it on a busy machine
	began := time.Now()
	r := p.mall.Ops(t, "POST", "/modules/depot/leave", host.Leaving{Move: "m1", Pause: pause.String()})
	require.Equal(t, 200, r.Status, r.Text)
	require.False(t, works(t, p.mall, "depot"))
	p.ok(t, "GET", "/api/depot/stock/"+p.tea, "") // it waits
	require.Greater(t, time.Since(began), pause)
	p.buy(t)
	r = p.mall.Ops(t, "POST", "/modules/depot/goodbye", host.Leaving{Move: "m1", API: p.other.URL})
	require.Equal(t, 409, r.Status, "it is too late: %s", r.Text)
	require.Contains(t, r.Text, "works on here")
	require.True(t, works(t, p.mall, "depot"))
	r = p.mall.Ops(t, "POST", "/modules/depot/leave", host.Leaving{Move: "m2", Pause: "20s"})
	require.Equal(t, 200, r.Status, r.Text)
	require.Equal(t, 409, p.mall.Ops(t, "POST", "/modules/depot/leave", host.Leaving{Move: "m3", Pause: "1s"}).Status)
	require.Equal(t, 409, p.mall.Ops(t, "POST", "/modules/depot/stay", host.Leaving{Move: "m3"}).Status)
	require.Equal(t, 200, p.mall.Ops(t, "POST", "/modules/depot/stay", host.Leaving{Move: "m2"}).Status)
	p.buy(t)
	p.moved(t, p.mall, p.other)
	p.audit(t)
}
