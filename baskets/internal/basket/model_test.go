package basket

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"mallbots/internal/eventsourcing"
	"mallbots/internal/eventsourcing/aggregatetest"
)

// model is a basket as a heap of single units, in the order they were added:
// too slow to use, too simple to be wrong.
type model struct {
	status Status
	units  []unit
}

type unit struct {
	product string
	price   int64
}

// remove takes n units of a product out: the last line of the product first,
// where a line is all units of one price, placed where the first of them is.
func (m *model) remove(product string, n int) {
	for ; n > 0; n-- {
		var prices []int64
		last := map[int64]int{}
		for at, u := range m.units {
			if u.product != product {
				continue
			}
			if _, seen := last[u.price]; !seen {
				prices = append(prices, u.price)
			}
			last[u.price] = at
		}
		at := last[prices[len(prices)-1]]
		m.units = append(m.units[:at], m.units[at+1:]...)
	}
}

func (m *model) count(product string) int {
	n := 0
	for _, u := range m.units {
		if u.product == product {
			n++
		}
	}
	return n
}

func (m *model) total() int64 {
	var sum int64
	for _, u := range m.units {
		sum += u.price
	}
	return sum
}

func (m *model) lines() map[unit]int32 {
	lines := map[unit]int32{}
	for _, u := range m.units {
		lines[u]++
	}
	return lines
}

// TestABasketIsAHeapOfUnits does whatever comes to mind to a basket, to its
// model, and to a catalog of which each product is sold, repriced, closed and
// removed, and compares after each step; the basket is loaded anew each time.
func TestABasketIsAHeapOfUnits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, m := New(aggregatetest.ID), &model{status: StatusOpen}
		history := []Event{started}
		require.NoError(t, eventsourcing.Replay(b, history...))
		catalog := map[string]Offer{}
		for _, id := range []string{"tea", "milk"} {
			catalog[id] = Offer{StoreID: "s", ProductID: id, Price: 100, Open: true}
		}
		product := rapid.SampledFrom([]string{"tea", "tea", "tea", "milk", "milk", "nobody's"})
		quantity := rapid.SampledFrom([]int32{1, 2, 3, 4, 0, -1})
		seldom := rapid.SampledFrom([]bool{false, false, false, false, true})

		t.Repeat(map[string]func(*rapid.T){
			"reprice": func(t *rapid.T) {
				id := product.Draw(t, "product")
				if o, ok := catalog[id]; ok {
					o.Price = rapid.SampledFrom([]int64{99, 100, 101}).Draw(t, "price")
					o.Removed, o.Open = seldom.Draw(t, "removed"), !seldom.Draw(t, "closed")
					catalog[id] = o
				}
			},
			"add": func(t *rapid.T) {
				id, n := product.Draw(t, "product"), quantity.Draw(t, "quantity")
				o := catalog[id]
				err := b.AddItem(o, n)
				accepted := m.status == StatusOpen && n > 0 && o.Open && !o.Removed
				require.Equal(t, accepted, err == nil, "%v", err)
				for range max(n, 0) {
					if accepted {
						m.units = append(m.units, unit{id, o.Price})
					}
				}
			},
			"remove": func(t *rapid.T) {
				id, n := product.Draw(t, "product"), quantity.Draw(t, "quantity")
				err := b.RemoveItem(id, n)
				accepted := m.status == StatusOpen && n > 0 && int(n) <= m.count(id)
				require.Equal(t, accepted, err == nil, "%v", err)
				if accepted {
					m.remove(id, int(n))
				}
			},
			"check out": func(t *rapid.T) {
				if !seldom.Draw(t, "decided") {
					return
				}
				accept := rapid.Bool().Draw(t, "accept")
				accepted := m.status == StatusOpen && len(m.units) > 0
				settled := append([]unit(nil), m.units...)
				for n, u := range m.units {
					o := catalog[u.product]
					if !o.Open || o.Removed || !accept && o.Price > u.price {
						accepted = false
					}
					if accept {
						settled[n].price = o.Price
					}
				}
				err := b.CheckOut("p1", accept, catalog)
				require.Equal(t, accepted, err == nil, "%v", err)
				if accepted {
					m.status, m.units = StatusCheckedOut, settled
				}
			},
			"cancel": func(t *rapid.T) {
				if !seldom.Draw(t, "decided") || !seldom.Draw(t, "really") {
					return
				}
				require.Equal(t, m.status == StatusOpen, b.Cancel() == nil)
				if m.status == StatusOpen {
					m.status = StatusCanceled
				}
			},
			"": func(t *rapid.T) {
				history = append(history, eventsourcing.Recorded[Event](b)...)
				b = New(aggregatetest.ID)
				require.NoError(t, eventsourcing.Replay(b, history...))

				require.Equal(t, m.status, b.Status())
				require.Equal(t, m.total(), b.Total())
				require.EqualValues(t, len(m.units), b.Units())
				lines := map[unit]int32{}
				for _, i := range b.Items() {
					require.Positive(t, i.Quantity)
					require.NotContains(t, lines, unit{i.ProductID, i.Price}, "one line for a product and price")
					lines[unit{i.ProductID, i.Price}] = i.Quantity
				}
				require.Equal(t, m.lines(), lines)
			},
		})
	})
}
