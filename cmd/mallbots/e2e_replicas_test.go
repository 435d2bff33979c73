package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/broker/brokertest"
	"mallbots/internal/commandline"
	"mallbots/internal/database/pgtest"
	"mallbots/internal/host/hosttest"
)

// TestTwoReplicasAreOneMall runs the whole mall twice, on one PostgreSQL and one
// NATS server. The first to come publishes and deals out; people go to the other,
// or to both in turn, and none of them notices.
func TestTwoReplicasAreOneMall(t *testing.T) {
	backend := []string{"--database-url=" + pgtest.DSN(t), "--nats-url=" + brokertest.NewExternal(t).URL()}
	var doors []http.Handler
	var replicas []*process
	for range 2 {
		p := start(t, append(backend, "--data="+t.TempDir())...)
		target, err := url.Parse(p.url)
		require.NoError(t, err)
		doors, replicas = append(doors, httputil.NewSingleHostReverseProxy(target)), append(replicas, p)
	}
	first, second := replicas[0], replicas[1]
	metric := func(p *process, name string) float64 {
		var total float64
		for line := range strings.Lines(body(t, p.ops+"/metrics")) {
			if strings.HasPrefix(line, name) {
				var value float64
				require.NoError(t, json.Unmarshal([]byte(line[strings.LastIndexByte(line, ' ')+1:]), &value), line)
				total += value
			}
		}
		return total
	}
	hosttest.Eventually(t, func() bool {
		return metric(first, "mallbots_replicas{") == 8 && metric(second, "mallbots_replicas{") == 8 // 2 of each module
	})

	shop := func(where string, shoppers, orders string) busyReport {
		out, errs, code := output(t, time.Minute, "busywork", "--server="+where, "--shoppers="+shoppers, "--orders="+orders, "--keepers=0", "--json")
		require.Zero(t, code, errs)
		var report busyReport
		require.NoError(t, json.Unmarshal([]byte(out), &report), out)
		require.Empty(t, report.Errors)
		t.Log(out)
		return report
	}
	// What the second commits, the first publishes; what the first decides, the
	// second shows. If it were not told, each of four hops would take some 250 ms.
	const limit = 400.0 // milliseconds
	half := limit
	for round := 0; round < 4 && half >= limit; round++ { // while the machine is busy it takes longer
		alone := shop(second.url, "1", "20")
		require.EqualValues(t, 20, alone.Approved)
		half = alone.CheckoutApproved.P50
	}
	require.Less(t, half, limit)

	var turn atomic.Uint64
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		doors[turn.Add(1)%2].ServeHTTP(w, r)
	}))
	defer door.Close()
	inTurn := shop(door.URL, "4", "60")
	require.EqualValues(t, 60, inTurn.Approved)

	require.Positive(t, metric(first, "mallbots_events_passed_total"), "the first deals out")
	require.Zero(t, metric(second, "mallbots_events_passed_total"))
	for _, p := range replicas {
		require.Positive(t, metric(p, "mallbots_events_consumed_total"), "each works")
	}
	out, errs, code := output(t, time.Minute, "audit", "--ops="+first.ops+","+second.ops, "--wait=20s", "--json")
	require.Zero(t, code, out+errs)
	var v commandline.Verdict
	require.NoError(t, json.Unmarshal([]byte(out), &v), out)
	names := map[string]int{}
	for _, line := range v.Checks {
		names[line.Name]++
	}
	for name, n := range names {
		require.Equal(t, 1, n, name)
	}
	require.Contains(t, names, "the processes of ordering keep one set of books")
}

// body is what a URL answers.
func body(t *testing.T, url string) string {
	t.Helper()
	a := httptest.NewRecorder()
	res, err := http.Get(url)
	require.NoError(t, err)
	defer func() { require.NoError(t, res.Body.Close()) }()
	_, err = a.Body.ReadFrom(res.Body)
	require.NoError(t, err)
	return a.Body.String()
}
