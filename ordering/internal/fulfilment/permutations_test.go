package fulfilment

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"mallbots/internal/eventsourcing"
	"mallbots/internal/eventsourcing/aggregatetest"
	"mallbots/ordering/internal/order"
)

// inputs is everything that a fulfilment can hear.
var inputs = map[string]func(*Fulfilment) error{
	"placed":        func(f *Fulfilment) error { return f.OrderPlaced(noon.Add(Patience)) },
	"reserved":      (*Fulfilment).StockReserved,
	"refused":       func(f *Fulfilment) error { return f.StockRefused("no tea") },
	"picked":        (*Fulfilment).ListCompleted,
	"list canceled": func(f *Fulfilment) error { return f.ListCanceled("flood") },
	"canceled":      (*Fulfilment).OrderCanceled,
	"deadline":      (*Fulfilment).DeadlinePassed,
}

// scripts are what the depot and the customer may say about one order. The
// deadline is added last: its timer exists from the start on until an answer.
var scripts = [][]string{
	{"placed", "reserved", "picked"},
	{"placed", "refused"},
	{"placed", "reserved", "list canceled"},
	{"placed", "reserved", "picked", "canceled"},
	{"placed", "reserved", "list canceled", "canceled"},
	{"placed", "refused", "canceled"},
	{"placed", "canceled"},
	{"placed"},
}

// TestEveryPermutationEndsOnce plays the inputs of a story in any order, with
// duplicates, against an order, and expects exactly one end: the fulfilment's
// decisions are always ones that the order's own rules allow.
func TestEveryPermutationEndsOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		heard := slices.Clone(rapid.SampledFrom(scripts).Draw(t, "script"))
		heard = append(heard, rapid.SliceOfN(rapid.SampledFrom(heard), 0, 4).Draw(t, "duplicates")...)
		heard = append(heard, slices.Repeat([]string{"deadline"}, rapid.IntRange(0, 2).Draw(t, "early deadlines"))...)
		heard = append(rapid.Permutation(heard).Draw(t, "order"), "deadline")

		f, o := New(aggregatetest.ID), order.New(aggregatetest.ID)
		require.NoError(t, o.Place("ada", "pay", "USD", []order.Item{{StoreID: "s", ProductID: "p", Price: 1, Quantity: 1}}))
		ends := 0
		for _, input := range heard {
			before := len(eventsourcing.Recorded(f))
			if input == "canceled" { // the module asks the order first
				if o.Cancel("changed my mind") != nil {
					continue
				}
			}
			require.NoError(t, inputs[input](f))
			for _, e := range eventsourcing.Recorded(f)[before:] {
				ends += carryOut(t, o, e)
			}
		}
		require.True(t, f.Ended(), "it ends: %v", heard)
		require.Equal(t, 1, ends, "it ends once: %v", heard)
		require.Contains(t, []order.Status{order.StatusRejected, order.StatusReady, order.StatusCanceled}, o.Status())
	})
}

// carryOut does what the module does with a decision, and counts ends.
func carryOut(t *rapid.T, o *order.Order, e Event) int {
	switch e := e.(type) {
	case Approved:
		require.NoError(t, o.Approve())
	case Rejected:
		require.NoError(t, o.Reject(e.Reason))
		return 1
	case Readied:
		require.NoError(t, o.Ready())
		return 1
	case Canceled:
		require.NoError(t, o.Cancel(e.Reason))
		return 1
	case Closed:
		return 1
	case Started, StockReserved, StockRefused, ListCompleted, ListCanceled, OrderCanceled, GaveUp:
	}
	return 0
}
