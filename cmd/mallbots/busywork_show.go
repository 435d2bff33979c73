package main

import (
	"fmt"
	"time"
)

// show keeps one line on a terminal up to date until it is stopped.
func (w *busywork) show(c *console) (stop func()) {
	if !c.Interactive {
		return func() {}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		var before int64
		for {
			select {
			case <-done:
				fmt.Fprint(c.Err, "\r\x1b[K")
				return
			case <-tick.C:
				now := w.approved.Load()
				p := w.approvals.percentiles()
				fmt.Fprintf(c.Err, "\r\x1b[K%d checked out, %d approved (%d/s), %d completed; to approved p50 %.1f ms, p99 %.1f ms; %d errors",
					w.orders.Load(), now, 2*(now-before), w.completed.Load(), p.P50, p.P99, w.errors.total())
				before = now
			}
		}
	}()
	return func() { close(done); <-ended }
}
