package simulation

import (
	"maps"
	"slices"

	"mallbots/internal/host"
)

// check holds the invariants against what is stored. The mall is at rest.
func (w *World) check() {
	if w.ledger != nil {
		w.checkOrders()
		w.checkTotals()
		w.checkReceipts()
	}
	w.checkTerminal()
	w.checkPatience()
	w.checkStock()
	for _, module := range moduleNames {
		w.checkStream(module)
	}
	for _, c := range consumersOf {
		w.checkConsumer(c[0], c[1])
	}
	w.checkBooks()
	w.process.assembly.CheckHealth(w.process.ctx)
	for _, m := range w.process.modules {
		if m.service.HealthySince().IsZero() {
			w.violated("liveness: the parts of %s are well, and it is not", m.service.Name)
		}
	}
}

// checkOrders is I1: a check-out that was answered is one order, one whose
// outcome is unknown is one at most, and there are no others.
func (w *World) checkOrders() {
	orders := map[string]int64{}
	for _, row := range w.rows("ordering", `SELECT aggregate_id, COUNT(*) FROM events WHERE aggregate = 'order' AND name = 'Placed' GROUP BY aggregate_id`) {
		orders[text(row[0])] = number(row[1])
	}
	closed := map[string]bool{}
	for _, row := range w.rows("baskets", `SELECT aggregate_id FROM events WHERE aggregate = 'basket' AND name = 'CheckedOut'`) {
		closed[text(row[0])] = true
	}
	for _, basket := range slices.Sorted(maps.Keys(w.ledger.checkouts)) {
		o, n := w.ledger.checkouts[basket], orders[basket]
		switch {
		case o.ok() && n != 1:
			w.violated("I1: the check-out of %s was answered, and there are %d orders", basket, n)
		case n > 1:
			w.violated("I1: %s is %d orders", basket, n)
		case o.refused != nil && n != 0:
			w.violated("I1: the check-out of %s was refused (%s), and it is ordered", basket, o)
		case closed[basket] && n == 0:
			w.violated("I1: basket %s is checked out, and there is no order", basket)
		}
	}
	for _, order := range slices.Sorted(maps.Keys(orders)) {
		if _, known := w.ledger.checkouts[order]; !known {
			w.violated("I1: nobody checked out order %s", order)
		}
	}
}

// checkTerminal is I3: each order ends once, and nothing follows.
func (w *World) checkTerminal() {
	ended := map[string]string{}
	seen := map[string]bool{}
	for _, row := range w.rows("ordering", `SELECT aggregate_id, name FROM events WHERE aggregate = 'order' ORDER BY aggregate_id, version`) {
		order, name := text(row[0]), text(row[1])
		seen[order] = true
		if end, done := ended[order]; done {
			w.violated("I3: order %s is %s, and then %s", order, end, name)
		}
		switch name {
		case "Rejected", "Completed", "Canceled":
			ended[order] = name
		}
	}
	for _, order := range slices.Sorted(maps.Keys(seen)) {
		if ended[order] == "" {
			w.violated("I3: order %s never ended", order)
		}
	}
}

// checkPatience is I3 of the process manager: nobody gives the depot up unless
// the depot itself heard nothing for too long.
func (w *World) checkPatience() {
	if w.faults.struck(func(f *Fault) bool { return f.Kind == ConsumerDeaf && f.Where == "depot_ordering" && f.Size == unheard }) {
		return
	}
	for _, row := range w.rows("ordering", `SELECT id FROM orders WHERE status = 'REJECTED' AND reason = 'the depot did not answer in time'`) {
		w.violated("I3: order %s is rejected because of the depot's silence, and the depot was not silent", text(row[0]))
	}
}

// moves is what the unit of a move adds to what is received, on hand, reserved
// and picked.
var moves = map[string][4]int64{
	"received": {1, 1, 0, 0}, "reserved": {0, -1, 1, 0}, "released": {0, 1, -1, 0},
	"picked": {0, 0, -1, 1}, "returned": {0, 1, 0, -1},
}

// checkStock is I2: units are conserved at every moment.
func (w *World) checkStock() {
	levels := map[string][4]int64{}
	for _, row := range w.rows("depot", `SELECT product_id, kind, quantity, reference FROM stock_ledger ORDER BY rowid`) {
		id, kind, units := text(row[0]), text(row[1]), number(row[2])
		level := levels[id]
		for i, part := range moves[kind] {
			if level[i] += part * units; level[i] < 0 {
				w.violated("I2: product %s after %s of %d for %s: %v", id, kind, units, text(row[3]), level)
			}
		}
		if level[1]+level[2]+level[3] != level[0] {
			w.violated("I2: product %s: %v does not add up", id, level)
		}
		levels[id] = level
	}
	for _, row := range w.rows("depot", `SELECT product_id, received, on_hand, reserved, picked FROM stock`) {
		id := text(row[0])
		if level := [4]int64{number(row[1]), number(row[2]), number(row[3]), number(row[4])}; level != levels[id] {
			w.violated("I2: product %s has %v, its ledger says %v", id, level, levels[id])
		}
	}
}

// checkReceipts is I2 of the people: what was received is what was delivered.
func (w *World) checkReceipts() {
	received := map[string]int64{}
	for _, row := range w.rows("depot", `SELECT product_id, received FROM stock`) {
		received[text(row[0])] = number(row[1])
	}
	for _, id := range slices.Sorted(maps.Keys(w.ledger.stock)) {
		r := w.ledger.stock[id]
		if n := received[id]; n < r.surely || n > r.surely+r.perhaps {
			w.violated("I2: %d of product %s were received, and perhaps %d more; the depot has had %d", r.surely, id, r.perhaps, n)
		}
	}
}

// checkTotals is I7: an order costs what its basket came to.
func (w *World) checkTotals() {
	totals := map[string]int64{}
	for _, row := range w.rows("ordering", `SELECT id, total FROM orders`) {
		totals[text(row[0])] = number(row[1])
	}
	for _, order := range slices.Sorted(maps.Keys(w.ledger.totals)) {
		if totals[order] != w.ledger.totals[order] {
			w.violated("I7: basket %s came to %d, its order to %d", order, w.ledger.totals[order], totals[order])
		}
	}
}

// checkBooks is I7 and I8: the modules' own audits, and books that two keep.
func (w *World) checkBooks() {
	reports, err := w.process.assembly.Audit(w.process.ctx)
	if err != nil {
		w.violated("audit: %v", err)
	}
	kept := map[string]host.Report{}
	for _, r := range reports {
		for _, c := range r.Checks {
			if !c.OK {
				w.violated("I8: %s: %s", c.Name, c.Detail)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(r.Books)) {
			first, known := kept[name]
			if known && !maps.Equal(first.Books[name], r.Books[name]) {
				w.violated("I7: the book %q of %s and of %s differ: %v and %v", name, first.Module, r.Module, first.Books[name], r.Books[name])
			}
			kept[name] = r
		}
	}
}
