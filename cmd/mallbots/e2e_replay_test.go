package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// replay plays a history, and returns the summary.
func (p *process) replay(t *testing.T, dir string, args ...string) summary {
	t.Helper()
	out, errs, code := output(t, 3*time.Minute, append([]string{"replay", dir, "--server=" + p.url, "--json"}, args...)...)
	require.Zero(t, code, errs+p.log.String())
	var s summary
	require.NoError(t, json.Unmarshal([]byte(out), &s), out)
	t.Logf("%s", out)
	return s
}

func TestSmallHistoryIsReplayed(t *testing.T) {
	dir, p := write(t, smallHistory()), start(t, "--data="+t.TempDir())
	s := p.replay(t, dir)
	want := summary{
		Stores: 1, Products: 2, Customers: 1, Orders: 1, Approved: 1, Completed: 1, Units: 22,
		Total: money{CurrencyCode: "USD", MinorUnits: 12*1450 + 10*5}, Seconds: s.Seconds,
	}
	require.Equal(t, want, s)

	again := p.replay(t, dir, "--restock=listed", "--in-order") // 12 of product 1, none of product 2
	require.Equal(t, 1, again.Orders, "a replay tells of its own orders only")
	require.Equal(t, []int{0, 1, 0}, []int{again.Approved, again.Rejected, again.Completed})
	p.audit(t)
}

func TestNorthwindHistoryIsFulfilledWhole(t *testing.T) {
	dir := northwind(t)
	onEach(t, func(t *testing.T, backend ...string) {
		p := start(t, backend...)
		s := p.replay(t, dir, "--restock=auto")
		require.Equal(t, summary{
			Stores: 29, Products: 77, Customers: 91, Orders: 830, Approved: 830, Completed: 830, Units: 51317,
			Total: money{CurrencyCode: "USD", MinorUnits: 135445859}, Seconds: s.Seconds,
		}, s)
		p.audit(t)
	})
}

func TestNorthwindHistoryInOrderTakesWhatThereIs(t *testing.T) {
	dir := northwind(t)
	onEach(t, func(t *testing.T, backend ...string) {
		p := start(t, backend...)
		s := p.replay(t, dir, "--restock=listed", "--in-order")
		require.Equal(t, summary{
			Stores: 29, Products: 77, Customers: 91, Orders: 830, Approved: 95, Rejected: 735, Completed: 95, Units: 2059,
			Total: money{CurrencyCode: "USD", MinorUnits: 4146377}, Seconds: s.Seconds,
		}, s)
		p.audit(t)
		require.EqualValues(t, 1060, onHand(t, p))
	})
}

// onHand is how many units the depot has free.
func onHand(t *testing.T, p *process) (units int64) {
	t.Helper()
	for token := ""; ; {
		var page struct {
			Stock []struct {
				OnHand int64 `json:"onHand"`
			} `json:"stock"`
			NextPageToken string `json:"nextPageToken"`
		}
		require.Equal(t, 200, getJSON(t, p.url+"/api/depot/stock?pageSize=100&pageToken="+token, &page))
		for _, s := range page.Stock {
			units += s.OnHand
		}
		if token = page.NextPageToken; token == "" {
			return units
		}
	}
}

func TestBadHistoryWritesNothing(t *testing.T) {
	p := start(t, "--data="+t.TempDir())
	files := smallHistory()
	files["orders.csv"] = "order_id,customer_id\n1,NOBODY\n"
	_, errs, code := output(t, 30*time.Second, "replay", write(t, files), "--server="+p.url)
	require.Equal(t, 1, code)
	require.Contains(t, errs, `orders.csv:2:3: customer_id: "NOBODY" is not in customers.csv`)
	var stores struct{ Stores []any }
	require.Equal(t, 200, getJSON(t, p.url+"/api/stores", &stores))
	require.Empty(t, stores.Stores)
}
