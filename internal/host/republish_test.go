package host_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"mallbots/baskets"
	"mallbots/depot"
	"mallbots/internal/broker/brokertest"
	"mallbots/internal/host"
	"mallbots/internal/host/hosttest"
	"mallbots/internal/secret"
	"mallbots/stores"
)

// ageOut has the stream of stores forget all it holds, as after the longest
// time that it keeps messages.
func ageOut(t *testing.T, server *brokertest.External) {
	t.Helper()
	ctx := t.Context()
	conn, err := nats.Connect(server.URL())
	require.NoError(t, err)
	defer conn.Close()
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	stream, err := js.Stream(ctx, "MALLBOTS_STORES")
	require.NoError(t, err)
	config := stream.CachedInfo().Config
	config.FirstSeq = stream.CachedInfo().State.LastSeq + 1
	require.NoError(t, js.DeleteStream(ctx, config.Name))
	_, err = js.CreateStream(ctx, config)
	require.NoError(t, err)
}

func created(t *testing.T, m *hosttest.Mall, path string, body map[string]any) string {
	t.Helper()
	r := m.Do(t, http.MethodPost, path, body)
	require.Equal(t, http.StatusOK, r.Status, r.Text)
	return r.Body["id"].(string)
}

func price(minorUnits int) map[string]any {
	return map[string]any{"currencyCode": "USD", "minorUnits": minorUnits}
}

// books are those of all modules of a process.
func books(t *testing.T, m *hosttest.Mall) map[string]map[string]string {
	t.Helper()
	var answer struct{ Modules []host.Report }
	r := m.Ops(t, http.MethodPost, "/audit", nil)
	require.NoError(t, json.Unmarshal([]byte(r.Text), &answer), r.Text)
	all := map[string]map[string]string{}
	for _, report := range answer.Modules {
		require.Zero(t, report.DeadLetters, report.Module)
		for name, book := range report.Books {
			all[name] = book
		}
	}
	return all
}

// Consumers that start when the stream has long forgotten how it all began get
// complete copies from what is published again, and those that were there all
// the time lose nothing by it.
func TestARepublishedStateMakesCompleteCopiesYearsLater(t *testing.T) {
	server := brokertest.NewExternal(t)
	process := func(modules ...host.Module) *hosttest.Mall {
		return hosttest.StartWith(t, host.Config{Data: t.TempDir(), NATSURL: secret.Text(server.URL()), Log: hosttest.Log(t)}, modules...)
	}
	shops := process(host.Module{Name: "stores", New: stores.New})
	witness := process(host.Module{Name: "baskets", New: baskets.New})
	var products []string
	for i := range 3 {
		store := created(t, shops, "/api/stores", map[string]any{"name": fmt.Sprint("shop ", i), "location": "1st floor"})
		if i > 0 {
			require.Equal(t, http.StatusOK, shops.Do(t, http.MethodPut, "/api/stores/"+store+"/participating", nil).Status)
		}
		for j := range 4 {
			id := created(t, shops, "/api/stores/"+store+"/products", map[string]any{"name": fmt.Sprint("tea ", j), "sku": fmt.Sprint(j), "price": price(100 + j)})
			products = append(products, id)
			path := "/api/stores/products/" + id
			require.Equal(t, http.StatusOK, shops.Do(t, http.MethodPut, path+"/increasePrice", map[string]any{"price": price(200 + j)}).Status)
			if j == 3 {
				require.Equal(t, http.StatusOK, shops.Do(t, http.MethodDelete, path, nil).Status)
			}
		}
	}
	witness.Settle(t)
	shops.Settle(t)
	shops.Stop(t)
	ageOut(t, server)
	shops.Restart(t)
	require.Equal(t, http.StatusOK, shops.Do(t, http.MethodPut, "/api/stores/products/"+products[0]+"/rebrand", map[string]any{"name": "green tea"}).Status)
	shops.Settle(t)

	r := shops.Ops(t, http.MethodPost, "/republish?module=stores", nil)
	require.Equal(t, http.StatusOK, r.Status, r.Text)
	require.Equal(t, map[string]any{"published": map[string]any{"store": 3.0, "product": 12.0}}, r.Body)
	require.Equal(t, http.StatusOK, shops.Do(t, http.MethodPut, "/api/stores/products/"+products[1]+"/increasePrice", map[string]any{"price": price(999)}).Status)
	shops.Settle(t)

	truth := books(t, shops)
	require.Len(t, truth["prices"], 9)
	require.Len(t, truth["stores"], 3)
	agrees := func(m *hosttest.Mall) {
		m.Settle(t)
		kept := books(t, m)
		require.Equal(t, truth["prices"], kept["prices"])
		require.Equal(t, truth["stores"], kept["stores"])
	}
	agrees(witness)
	witness.Stop(t)

	newcomer := hosttest.StartWith(t, host.Config{
		Data: t.TempDir(), NATSURL: secret.Text(server.URL()), Log: hosttest.Log(t), TakeOver: []string{"baskets"},
	}, host.Module{Name: "baskets", New: baskets.New})
	warehouse := process(host.Module{Name: "depot", New: depot.New})
	hosttest.Eventually(t, func() bool { return len(books(t, newcomer)["stores"]) == 3 }, "the broker has all acknowledged, and delivers it again")
	agrees(newcomer)
	warehouse.Settle(t)
	books(t, warehouse)
	for i, id := range products {
		r := warehouse.Do(t, http.MethodPut, "/api/depot/stock/"+id+"/receive", map[string]any{"quantity": 5})
		if i%4 == 3 {
			require.Equal(t, "PRODUCT_REMOVED", r.Body["code"], r.Text)
		} else {
			require.Equal(t, http.StatusOK, r.Status, r.Text)
		}
	}
	require.Equal(t, http.StatusConflict, warehouse.Ops(t, http.MethodPost, "/republish?module=depot", nil).Status)
}
