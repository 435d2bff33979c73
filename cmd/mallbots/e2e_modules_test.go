package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/broker/brokertest"
)

// TestFourProcessesAreOneMall runs each module in a process of its own, with a
// database of its own, and nothing between them but a NATS server.
func TestFourProcessesAreOneMall(t *testing.T) {
	nats := brokertest.NewExternal(t)
	var ops []string
	front := http.NewServeMux()
	for module, paths := range map[string][]string{
		"stores":   {"/api/stores", "/api/stores/", "/mallbots.stores.v1.StoresService/"},
		"baskets":  {"/api/baskets", "/api/baskets/", "/mallbots.baskets.v1.BasketsService/"},
		"ordering": {"/api/ordering", "/api/ordering/", "/api/customers", "/api/customers/", "/mallbots.ordering.v1.OrderingService/"},
		"depot":    {"/api/depot/", "/mallbots.depot.v1.DepotService/"},
	} {
		p := start(t, "--modules="+module, "--nats-url="+nats.URL(), "--data="+t.TempDir())
		ops = append(ops, p.ops)
		target, err := url.Parse(p.url)
		require.NoError(t, err)
		for _, path := range paths {
			front.Handle(path, httputil.NewSingleHostReverseProxy(target))
		}
		requireAbsent(t, p, module)
	}
	door := httptest.NewServer(front)
	defer door.Close()

	out, errs, code := output(t, time.Minute, "replay", write(t, smallHistory()), "--server="+door.URL, "--json")
	require.Zero(t, code, errs)
	var s summary
	require.NoError(t, json.Unmarshal([]byte(out), &s), out)
	require.Equal(t, []int{1, 1, 1}, []int{s.Orders, s.Approved, s.Completed})

	out, errs, code = output(t, time.Minute, "busywork", "--server="+door.URL, "--shoppers=4", "--orders=40", "--json")
	require.Zero(t, code, errs)
	var report busyReport
	require.NoError(t, json.Unmarshal([]byte(out), &report), out)
	require.EqualValues(t, 40, report.Approved, out)
	require.Empty(t, report.Errors)

	out, _, code = output(t, time.Minute, "audit", "--ops="+strings.Join(ops, ","), "--wait=20s")
	require.Zero(t, code, out)
	require.Contains(t, out, "agree on checkouts")
	require.Contains(t, out, "agree on reserved")
	require.NotContains(t, out, "not compared")
}

// requireAbsent requires that a process says which modules it does not run.
func requireAbsent(t *testing.T, p *process, module string) {
	t.Helper()
	elsewhere := "/api/stores"
	if module == "stores" {
		elsewhere = "/api/ordering"
	}
	var problem struct {
		Status int
		Code   string
		Detail string
	}
	require.Equal(t, 404, getJSON(t, p.url+elsewhere, &problem))
	require.NotEmpty(t, problem.Code)
	require.NotEmpty(t, problem.Detail)
}
