package depot_test

import (
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestManyAtWorkLeaveTheBooksInOrder lets customers and staff do what they like
// to the same products and orders at the same time. Each of their requests is
// done or refused, and in the end every unit is where the orders say.
func TestManyAtWorkLeaveTheBooksInOrder(t *testing.T) {
	m := startWithOrdering(t)
	store := m.store(t)
	var teas []string
	for range 4 {
		teas = append(teas, m.product(t, store, "Tea", 60))
	}
	m.levels(t, teas[3])
	var workers sync.WaitGroup
	for range 6 {
		bot := m.bot(t, "R2")
		workers.Go(func() {
			do := func(method, path string, body any) {
				r := m.Do(t, method, path, body)
				assert.Contains(t, []int{200, 404, 409}, r.Status, "%s %s: %s", method, path, r.Text)
			}
			for range 12 {
				var lines []line
				for range 1 + rand.IntN(3) {
					lines = append(lines, line{teas[rand.IntN(len(teas))], 1 + rand.IntN(3)})
				}
				id := m.checkOut(t, store, lines...)
				for range rand.IntN(20) { // until it is approved, or not
					do("GET", "/api/ordering/"+id, nil)
				}
				var two sync.WaitGroup // the customer and the staff
				two.Go(func() {
					if rand.IntN(2) == 0 {
						do("DELETE", "/api/ordering/"+id, nil)
					}
				})
				two.Go(func() {
					do("PUT", "/api/depot/shopping/"+id+"/assign", object{"botId": bot})
					if rand.IntN(4) == 0 {
						do("DELETE", "/api/depot/shopping/"+id, nil)
					}
					do("PUT", "/api/depot/shopping/"+id+"/complete", object{})
				})
				two.Wait()
				do("PUT", "/api/ordering/"+id+"/complete", object{"invoiceId": "i1"})
			}
		})
	}
	workers.Wait()
	m.Audit(t)
	for _, tea := range teas {
		l := m.levels(t, tea)
		require.Equal(t, l[0], l[1]+l[2]+l[3])
	}
}
