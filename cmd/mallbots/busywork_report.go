package main

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// tally is what a run has counted and timed so far.
type tally struct {
	orders, approved, rejected, canceled, completed, givenUp *atomic.Int64

	checkouts, approvals        *latencies
	errors, refusals, retries   *counts
	from, firstApproval, latest *atomic.Int64 // when, in microseconds
}

func newTally() tally {
	n := func() *atomic.Int64 { return &atomic.Int64{} }
	return tally{
		orders: n(), approved: n(), rejected: n(), canceled: n(), completed: n(), givenUp: n(),
		checkouts: &latencies{}, approvals: &latencies{},
		errors: &counts{}, refusals: &counts{}, retries: &counts{},
		from: n(), firstApproval: n(), latest: n(),
	}
}

func (t tally) begin() { t.from.Store(time.Now().UnixMicro()) }

// decided notes the answer to an order that was checked out at began.
func (t tally) decided(status orderStatus, began time.Time) {
	now := time.Now()
	if status == rejected {
		t.rejected.Add(1)
		return
	}
	t.approved.Add(1)
	t.approvals.add(now.Sub(began))
	t.latest.Store(now.UnixMicro())
}

// busyReport is what a run has measured.
type busyReport struct {
	Shoppers          int              `json:"shoppers"`
	Orders            int64            `json:"orders"` // check-outs that were answered
	Approved          int64            `json:"approved"`
	Rejected          int64            `json:"rejected"`
	Canceled          int64            `json:"canceled"`
	Completed         int64            `json:"completed"`
	GivenUp           int64            `json:"basketsGivenUp"`
	Seconds           float64          `json:"seconds"`            // from the first basket to the last approval
	ApprovedPerSecond float64          `json:"approvedPerSecond"`  // over those
	Checkout          percentiles      `json:"checkout"`           // of the call
	CheckoutApproved  percentiles      `json:"checkoutToApproved"` // from sending the check-out to seeing the approval
	Errors            map[string]int64 `json:"errors"`             // by code: what should not happen
	Refusals          map[string]int64 `json:"refusals"`           // by code: a rule said no, as it may
	Retries           map[string]int64 `json:"retries"`            // by code: sent again, and answered then or counted as an error
}

func (w *busywork) report() busyReport {
	r := busyReport{
		Shoppers: w.Shoppers, Orders: w.orders.Load(), Approved: w.approved.Load(), Rejected: w.rejected.Load(),
		Canceled: w.canceled.Load(), Completed: w.completed.Load(), GivenUp: w.givenUp.Load(),
		Checkout: w.checkouts.percentiles(), CheckoutApproved: w.approvals.percentiles(),
		Errors: w.errors.all(), Refusals: w.refusals.all(), Retries: w.retries.all(),
	}
	if latest := w.latest.Load(); latest > 0 {
		r.Seconds = float64(latest-w.from.Load()) / 1e6
		r.ApprovedPerSecond = float64(r.Approved) / r.Seconds
	}
	return r
}

func (r busyReport) print(c *console) {
	c.Printf("%d orders by %d shoppers: %d approved, %d rejected, %d canceled, %d completed\n",
		r.Orders, r.Shoppers, r.Approved, r.Rejected, r.Canceled, r.Completed)
	c.Printf("%.0f approved a second, over %.1f s\n", r.ApprovedPerSecond, r.Seconds)
	c.Printf("check-out:              %s\n", r.Checkout)
	c.Printf("check-out to approved:  %s\n", r.CheckoutApproved)
	for _, line := range []struct {
		what string
		by   map[string]int64
	}{{"errors", r.Errors}, {"refused by a rule", r.Refusals}, {"sent again", r.Retries}} {
		for _, code := range slices.Sorted(maps.Keys(line.by)) {
			c.Printf("%s: %d × %s\n", line.what, line.by[code], code)
		}
	}
}

// latencies collects how long things took.
type latencies struct {
	mu  sync.Mutex
	all []time.Duration
}

func (l *latencies) add(d time.Duration) {
	l.mu.Lock()
	l.all = append(l.all, d)
	l.mu.Unlock()
}

// percentiles are in milliseconds.
type percentiles struct {
	P50 float64 `json:"p50Ms"`
	P95 float64 `json:"p95Ms"`
	P99 float64 `json:"p99Ms"`
}

func (p percentiles) String() string {
	return fmt.Sprintf("p50 %.2f ms, p95 %.2f ms, p99 %.2f ms", p.P50, p.P95, p.P99)
}

func (l *latencies) percentiles() percentiles {
	l.mu.Lock()
	sorted := slices.Sorted(slices.Values(l.all))
	l.mu.Unlock()
	at := func(percent int) float64 {
		if len(sorted) == 0 {
			return 0
		}
		nearest := (len(sorted)*percent + 99) / 100 // the rank of the nearest
		return float64(sorted[nearest-1].Microseconds()) / 1000
	}
	return percentiles{P50: at(50), P95: at(95), P99: at(99)}
}

// counts counts by code.
type counts struct {
	mu sync.Mutex
	by map[string]int64
}

func (c *counts) count(code string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by == nil {
		c.by = map[string]int64{}
	}
	c.by[code]++
}

func (c *counts) all() map[string]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := map[string]int64{}
	maps.Copy(all, c.by)
	return all
}

func (c *counts) total() (n int64) {
	for _, each := range c.all() {
		n += each
	}
	return n
}
