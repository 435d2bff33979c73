package simulation

import (
	"fmt"
	"slices"
	"strings"
)

// Shrink leaves out faults and people for as long as what is left fails in the
// same way, and returns what is left. Run simulates the seed.
func Shrink(failed Result, run func(Options) Result) (Options, Result) {
	left := Options{Faults: fresh(failed.Faults)}
	same := func(o Options) (Result, bool) {
		o.Faults = fresh(o.Faults)
		r := run(o)
		return r, len(r.Violation) > 0 && invariant(r) == invariant(failed)
	}
	try := func(o Options) bool {
		r, still := same(o)
		if still {
			left, failed = o, r
		}
		return still
	}
	for size := len(left.Faults) / 2; size > 0; size /= 2 {
		for at := 0; at+size <= len(left.Faults); {
			if !try(Options{Faults: slices.Delete(slices.Clone(left.Faults), at, at+size)}) {
				at += size
			}
		}
	}
	for _, name := range people() {
		try(Options{Faults: left.Faults, Absent: append(slices.Clone(left.Absent), name)})
	}
	left.Faults = fresh(left.Faults)
	return left, failed
}

// people are the names of those who may be left out.
func people() []string {
	names := []string{"merchant-2", "storeman", "warden", "bot-1", "bot-2"}
	for n := range shoppers {
		names = append(names, fmt.Sprintf("shopper-%d", n+1))
	}
	return names
}

// invariant is what did not hold: I4, or liveness.
func invariant(r Result) string {
	name, _, _ := strings.Cut(r.Violation[0], ":")
	return name
}

// fresh are faults that have not struck yet.
func fresh(faults []*Fault) []*Fault {
	all := make([]*Fault, len(faults))
	for i, f := range faults {
		copied := *f
		copied.fired = false
		all[i] = &copied
	}
	return all
}
