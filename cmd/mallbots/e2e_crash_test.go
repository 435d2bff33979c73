package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/freeport"
	"mallbots/internal/host/hosttest"
)

// TestKilledFiveTimes kills the process at random moments while people shop.
// Every check-out that was answered must have its one order.
func TestKilledFiveTimes(t *testing.T) {
	onEach(t, func(t *testing.T, backend ...string) {
		interrupted(t, 5, 12*time.Second, func(p *process) { p.kill(t) }, backend...)
	})
}

// TestStoppedWhilePeopleShop is the same with SIGTERM: the process drains in time.
func TestStoppedWhilePeopleShop(t *testing.T) {
	interrupted(t, 2, 6*time.Second, func(p *process) { p.stop(t) }, "--data="+t.TempDir())
}

// interrupted ends the process so many times at random moments of busywork, and
// starts it again.
func interrupted(t *testing.T, times int, duration time.Duration, end func(p *process), backend ...string) {
	t.Helper()
	address := freeport.Address(t)
	journal := filepath.Join(t.TempDir(), "journal")
	serve := func() *process {
		return launch(t, append([]string{"--http=" + address, "--ops=127.0.0.1:0"}, backend...)...)
	}
	p := serve()
	work := program(t, t.Context(), "busywork", "--server=http://"+address, "--shoppers=8", "--duration="+duration.String(), "--journal="+journal, "--json")
	var out, errs bytes.Buffer
	work.Stdout, work.Stderr = &out, &errs
	require.NoError(t, work.Start())
	for n := range times {
		lines := journalLines(t, journal)
		hosttest.Eventually(t, func() bool { return journalLines(t, journal) > lines }, "nobody shops before interruption %d: %s", n+1, p.log)
		pauseUntilRandom(500 * time.Millisecond)
		end(p)
		p = serve()
	}
	require.NoError(t, work.Wait(), errs.String())
	t.Logf("%s", out.String())
	var report busyReport
	require.NoError(t, json.Unmarshal(out.Bytes(), &report))
	require.NotZero(t, report.Approved)
	require.NotEmpty(t, report.Retries, "nobody has noticed the interruptions")
	require.Empty(t, report.Errors)

	p.audit(t)
	p.requireOrders(t, journal)
}

// pauseUntilRandom makes the moment of a kill random, at most longest from now.
func pauseUntilRandom(longest time.Duration) { <-time.After(rand.N(longest)) }

func journalLines(t *testing.T, journal string) int {
	t.Helper()
	content, err := os.ReadFile(journal)
	if os.IsNotExist(err) {
		return 0
	}
	require.NoError(t, err)
	return bytes.Count(content, []byte("\n"))
}

// requireOrders requires that each check-out which the journal says was
// answered has an order of the same id. One id has one order at most.
func (p *process) requireOrders(t *testing.T, journal string) {
	t.Helper()
	content, err := os.ReadFile(journal)
	require.NoError(t, err)
	answered := map[string]bool{}
	for line := range strings.Lines(string(content)) {
		var what, id string
		_, err := fmt.Sscan(line, &what, &id)
		require.NoError(t, err, line)
		if what == "answered" {
			require.False(t, answered[id], "check-out %s was answered twice", id)
			answered[id] = true
		}
	}
	require.NotEmpty(t, answered)
	listed := map[string]int{}
	for token := ""; ; {
		var page struct {
			Orders []struct {
				ID     string `json:"id"`
				Status string `json:"status"`
			} `json:"orders"`
			NextPageToken string `json:"nextPageToken"`
		}
		require.Equal(t, 200, getJSON(t, p.url+"/api/ordering?pageSize=100&pageToken="+token, &page))
		for _, o := range page.Orders {
			listed[o.ID]++
			require.NotEqual(t, "ORDER_STATUS_PENDING", o.Status, o.ID)
		}
		if token = page.NextPageToken; token == "" {
			break
		}
	}
	for id := range answered {
		require.Equal(t, 1, listed[id], "orders of check-out %s", id)
	}
	t.Logf("%d check-outs were answered; the mall has %d orders", len(answered), len(listed))
}
