package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/broker"
	"mallbots/internal/broker/brokertest"
	"mallbots/internal/host"
)

// relocation is a mall under load, of which one module moves out and back.
type relocation struct {
	module    string
	binary    string        // of the process that it moves to; empty is mallbots itself
	database  string        // of that process; empty is SQLite
	shoppers  int           // each buys, and thinks before the next basket
	think     time.Duration // and so many are checked out a minute: 60 s / think * shoppers
	length    time.Duration // of the load
	out, back time.Duration // when it moves
}

// TestAModuleMovesUnderLoad does so for one that is called all the time and for
// one that others' orders wait for; make accept-extract does it for each.
func TestAModuleMovesUnderLoad(t *testing.T) {
	for _, module := range []string{"baskets", "depot"} {
		t.Run(module, func(t *testing.T) {
			relocation{
				module: module, shoppers: 4, think: 100 * time.Millisecond, length: 5 * time.Second, out: time.Second, back: 3 * time.Second,
			}.play(t)
		})
	}
}

// tooSlow is what a move says that was undone because it would have taken too long.
var tooSlow = regexp.MustCompile(`could not pause in time|the pause is over|too many rows for such a pause`)

// play requires that nobody notices, and returns what was measured. While the
// machine is busy with other tests everybody waits longer, so the best of a few
// rounds counts.
func (r relocation) play(t *testing.T) string {
	for round := 1; ; round++ {
		longest, told := r.round(t)
		if longest < 2*time.Second {
			return told
		}
		require.Less(t, round, 3, "somebody waited too long: %s", told)
	}
}

// round returns the longest that somebody waited or the module paused, and what
// was measured.
func (r relocation) round(t *testing.T) (longest time.Duration, told string) {
	nats := brokertest.NewExternal(t)
	mall := start(t, "--nats-url="+nats.URL(), "--data="+t.TempDir())
	other := r.start(t, nats.URL())

	type result struct {
		out, errs string
		code      int
	}
	shopping := make(chan result, 1)
	go func() {
		out, errs, code := output(t, r.length+2*time.Minute, "busywork", "--server="+mall.url, "--json",
			fmt.Sprintf("--shoppers=%d", r.shoppers), "--think="+r.think.String(), "--duration="+r.length.String())
		shopping <- result{out, errs, code}
	}()
	began := time.Now()
	probing, enough := context.WithCancel(t.Context())
	probe := r.probe(t, probing, mall)
	wait(t, began.Add(r.out))
	there := r.move(t, mall, other)
	wait(t, began.Add(r.back))
	back := r.move(t, mall, other, "--rollback")
	done := <-shopping
	enough()
	slowest, asked := probe()

	require.Zero(t, done.code, done.errs)
	var report busyReport
	require.NoError(t, json.Unmarshal([]byte(done.out), &report), done.out)
	require.Empty(t, report.Errors, "writes failed: %s", done.out)
	require.NotZero(t, report.Approved)
	require.EqualValues(t, report.Orders, report.Approved+report.Rejected, "an order is undecided")
	longest = slowest
	for _, m := range []host.Moved{there, back} {
		longest = max(longest, time.Duration(m.Paused*float64(time.Millisecond)))
	}
	out, errs, code := output(t, time.Minute, "audit", "--ops="+mall.ops+","+other.ops, "--wait=20s")
	require.Zero(t, code, out+errs)
	require.NotContains(t, out, "not compared")
	events := soundStreams(t, nats)
	mall.stop(t)
	other.stop(t)
	return longest, fmt.Sprintf("%-9s %4d check-outs in %s (%.0f a minute), %d approved, %d sent again, 0 failed; paused %.0f ms there (%d rows), %.0f ms back; "+
		"slowest of %d reads %s; %d events, none lost or doubled; %s",
		r.module, report.Orders, r.length, float64(report.Orders)/r.length.Minutes(), report.Approved, total(report.Retries),
		there.Paused, there.Copied.Rows, back.Paused, asked, slowest.Round(time.Millisecond), events, lastLine(out))
}

func total(counts map[string]int64) (n int64) {
	for _, each := range counts {
		n += each
	}
	return n
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// start starts the process that stands by.
func (r relocation) start(t *testing.T, nats string) *process {
	t.Helper()
	args := []string{"--standby", "--nats-url=" + nats, "--data=" + t.TempDir()}
	if r.database != "" {
		args = append(args, "--database-url="+r.database)
	}
	if r.binary == "" {
		return start(t, append(args, "--modules="+r.module)...)
	}
	args = append([]string{"serve", "--log-level=warn", "--http=127.0.0.1:0", "--ops=127.0.0.1:0"}, args...)
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), r.binary, args...)
	cmd.Env = program(t, t.Context()).Env
	return await(t, cmd)
}

func (r relocation) move(t *testing.T, mall, other *process, flags ...string) host.Moved {
	t.Helper()
	move := func() (out, errs string, code int) {
		return output(t, time.Minute, append([]string{"move", r.module, "--from=" + mall.ops, "--to=" + other.ops, "--json"}, flags...)...)
	}
	out, errs, code := move()
	for again := 0; again < 4 && tooSlow.MatchString(errs); again++ { // others were at work on the machine
		out, errs, code = move()
	}
	require.Zero(t, code, "%s\n%s\n%s", errs, mall.log, other.log)
	var moved host.Moved
	require.NoError(t, json.Unmarshal([]byte(out), &moved), out)
	return moved
}

// probe asks the module something every 10 ms until ctx ends, without ever
// asking twice. What it returns tells the slowest answer, and how many there were.
func (r relocation) probe(t *testing.T, ctx context.Context, mall *process) func() (slowest time.Duration, asked int) {
	path := map[string]string{"stores": "/api/stores", "ordering": "/api/ordering", "depot": "/api/depot/bots", "baskets": "/api/baskets/019a3c00-0000-7000-8000-000000000000"}[r.module]
	var mu sync.Mutex
	var slowest time.Duration
	var asked int
	var failed []string
	var work sync.WaitGroup
	work.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			work.Go(func() {
				began := time.Now()
				res, err := http.Get(mall.url + path)
				took := time.Since(began)
				mu.Lock()
				defer mu.Unlock()
				asked++
				slowest = max(slowest, took)
				if err != nil {
					failed = append(failed, err.Error())
					return
				}
				text, _ := io.ReadAll(res.Body)
				_ = res.Body.Close()
				if res.StatusCode != http.StatusOK && !strings.Contains(string(text), "BASKET_NOT_FOUND") {
					failed = append(failed, fmt.Sprint(res.StatusCode, string(text)))
				}
			})
		}
	})
	return func() (time.Duration, int) {
		work.Wait()
		require.Empty(t, failed)
		return slowest, asked
	}
}

// wait waits for a moment.
func wait(t *testing.T, until time.Time) {
	t.Helper()
	select {
	case <-time.After(time.Until(until)):
	case <-t.Context().Done():
	}
}

// soundStreams requires that each stream holds every message once, and those of
// each key from the first to the last in order. It returns how many there are.
func soundStreams(t *testing.T, nats *brokertest.External) (events int) {
	t.Helper()
	b, err := broker.Connect(t.Context(), nats.URL(), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer func() { require.NoError(t, b.Close(context.WithoutCancel(t.Context()))) }()
	for _, module := range []string{"stores", "baskets", "ordering", "depot"} {
		last, seen := map[string]int64{}, map[string]bool{}
		for from := uint64(1); ; {
			page, err := b.Read(t.Context(), module, from, 500)
			require.NoError(t, err)
			if len(page) == 0 {
				break
			}
			for _, m := range page {
				e, err := m.Open()
				require.NoError(t, err)
				require.False(t, seen[m.ID], "%s is twice on the stream of %s", m.ID, module)
				seen[m.ID] = true
				require.Equal(t, last[e.Key]+1, e.Sequence, "%s of %s", e.Type, e.Key)
				last[e.Key] = e.Sequence
				from = m.Sequence + 1
				events++
			}
		}
	}
	return events
}
