//go:build chaos

package chaos

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// row sums up the runs of a cell.
type row struct {
	cell, backend string
	runs, fired   int
	ok, unknown   int
	rejected      int64
	counted       count
	differences   int
	recovery      []time.Duration
	problems      []string
	note          string // why it was not run
}

// add takes in one run. Ok and unknown are those of the mall so far, which
// several runs share.
func (r *row) add(v verdict, okBefore, unknownBefore int) {
	r.runs++
	r.fired += v.fired
	r.ok += v.ok - okBefore
	r.unknown += v.unknown - unknownBefore
	r.rejected += v.rejected
	r.counted.messages += v.counted.messages
	r.counted.deliveries += v.counted.deliveries
	r.counted.orders += v.counted.orders
	r.counted.lost += v.counted.lost
	r.counted.doubled += v.counted.doubled
	r.counted.reordered += v.counted.reordered
	r.differences += len(v.differences)
	if v.fired > 0 {
		r.recovery = append(r.recovery, v.recovery)
	}
	r.problems = append(append(r.problems, v.counted.examples...), v.differences...)
	if v.trouble != "" {
		r.problems = append(r.problems, v.trouble)
	}
}

// print writes the table. Each count of a fault is "of" what was looked at, as
// often as it was.
func print(rows []row) {
	slices.SortStableFunc(rows, func(a, b row) int { return strings.Compare(a.backend, b.backend) })
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "cell\tbackend\truns\tfired\tok\tunknown\trejected\tlost\tdoubled\treordered\tstock and money\trecovery p50/p95/max")
	var all row
	for _, r := range rows {
		if r.note != "" {
			fmt.Fprintf(w, "%s\t%s\tNOT RUN: %s\n", r.cell, r.backend, r.note)
			continue
		}
		line(w, r)
		all.runs, all.fired, all.ok, all.unknown = all.runs+r.runs, all.fired+r.fired, all.ok+r.ok, all.unknown+r.unknown
		all.rejected += r.rejected
		all.counted.messages += r.counted.messages
		all.counted.deliveries += r.counted.deliveries
		all.counted.orders += r.counted.orders
		all.counted.lost += r.counted.lost
		all.counted.doubled += r.counted.doubled
		all.counted.reordered += r.counted.reordered
		all.differences += r.differences
		all.recovery = append(all.recovery, r.recovery...)
	}
	all.cell = "all"
	line(w, all)
	_ = w.Flush()
	for _, r := range rows {
		for _, p := range r.problems {
			fmt.Fprintf(&text, "PROBLEM %s, %s: %s\n", r.cell, r.backend, p)
		}
	}
	fmt.Print("\n", text.String())
	if path := os.Getenv("CHAOS_TABLE"); path != "" {
		_ = os.WriteFile(path, []byte(text.String()), 0o644)
	}
}

func line(w *tabwriter.Writer, r row) {
	slices.Sort(r.recovery)
	at := func(percent int) string {
		if len(r.recovery) == 0 {
			return "-"
		}
		return fmt.Sprintf("%.2f s", r.recovery[(len(r.recovery)*percent+99)/100-1].Seconds())
	}
	fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d of %d\t%d of %d\t%d of %d\t%d of %d\t%s / %s / %s\n",
		r.cell, r.backend, r.runs, r.fired, r.ok, r.unknown, r.rejected,
		r.counted.lost, r.counted.deliveries+r.counted.orders, r.counted.doubled, r.counted.deliveries+r.counted.orders,
		r.counted.reordered, r.counted.messages+r.counted.deliveries, r.differences, r.runs, at(50), at(95), at(100))
}
