package simulation

import (
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	seeds     = flag.Uint64("seeds", 60, "how many seeds to simulate")
	firstSeed = flag.Uint64("first", 1, "the first of them")
	stride    = flag.Uint64("stride", 1, "from one to the next; n processes take each nth")
	oneSeed   = flag.Uint64("seed", 0, "simulate this one, and print its trace")
)

// TestSeeds simulates many seeds, prints how those that fail can be seen to
// fail again, and sums up.
func TestSeeds(t *testing.T) {
	if *oneSeed != 0 {
		t.Skip("one seed is asked for")
	}
	begun := time.Now()
	var total tally
	for seed := *firstSeed; seed < *firstSeed+*seeds**stride; seed += *stride {
		r := simulate(t, seed, Options{})
		total.add(r)
		if len(r.Violation) > 0 {
			t.Errorf("%s", report(t, r))
		}
	}
	total.print(t.Output(), time.Since(begun))
	if *seeds >= 200 {
		for _, recipe := range recipes {
			require.Positive(t, total.kinds[recipe.kind], "%s never struck", recipe.kind)
		}
	}
}

// TestSeed prints the trace of one seed.
func TestSeed(t *testing.T) {
	if *oneSeed == 0 {
		t.Skip("no seed is asked for")
	}
	r := simulate(t, *oneSeed, Options{Trace: func(line string) { fmt.Println(line) }})
	fmt.Printf("seed %d: %d steps, %d lives, %d check-outs, %d of %d faults struck, %s of virtual time, trace %s\n",
		r.Seed, r.Steps, r.Lives, r.Orders, r.Fired, len(r.Faults), r.Virtual, r.Hash)
	if len(r.Violation) > 0 {
		t.Errorf("%s", report(t, r))
	}
}

// report says what is wrong with a seed, how to see it, and what is enough for it.
func report(t *testing.T, r Result) string {
	left, last := Shrink(r, func(o Options) Result { return simulate(t, r.Seed, o) })
	var text strings.Builder
	fmt.Fprintf(&text, "seed %d violates %s\n", r.Seed, strings.Join(r.Violation[:min(3, len(r.Violation))], "\n  and "))
	fmt.Fprintf(&text, "  replay: make sim SEED=%d\n", r.Seed)
	fmt.Fprintf(&text, "  shrunk to %d of %d faults, without %s: %s\n", len(left.Faults), len(r.Faults), strings.Join(left.Absent, ", "), last.Violation[0])
	for _, f := range left.Faults {
		fmt.Fprintf(&text, "    %s\n", f)
	}
	return text.String()
}

// tally sums up results.
type tally struct {
	seeds, violations, faults, lives, orders, steps int
	fewFaults, fewOrders                            int
	virtual                                         time.Duration
	kinds                                           map[Kind]int
}

func (t *tally) add(r Result) {
	if t.kinds == nil {
		t.kinds = map[Kind]int{}
	}
	t.seeds++
	t.faults += r.Fired
	t.lives += r.Lives
	t.orders += r.Orders
	t.steps += r.Steps
	t.virtual += r.Virtual
	if len(r.Violation) > 0 {
		t.violations++
	}
	if r.Fired < 10 {
		t.fewFaults++
	}
	if r.Orders < 20 {
		t.fewOrders++
	}
	for _, f := range r.Faults {
		if f.fired {
			t.kinds[f.Kind]++
		}
	}
}

func (t *tally) print(out io.Writer, took time.Duration) {
	fmt.Fprintf(out, "%d seeds, %d violations, in %s (%.1f a second)\n", t.seeds, t.violations, took.Round(time.Millisecond), float64(t.seeds)/took.Seconds())
	fmt.Fprintf(out, "%d faults struck, %d lives of the process, %d check-outs, %d steps, %s of virtual time\n",
		t.faults, t.lives, t.orders, t.steps, t.virtual.Round(time.Second))
	fmt.Fprintf(out, "seeds with fewer than 10 faults: %d, with fewer than 20 check-outs: %d\n", t.fewFaults, t.fewOrders)
	var kinds []string
	for _, kind := range slices.Sorted(maps.Keys(t.kinds)) {
		kinds = append(kinds, fmt.Sprintf("%s %d", kind, t.kinds[kind]))
	}
	fmt.Fprintln(out, strings.Join(kinds, ", "))
}
