// Package stock holds the arithmetic of the depot's stock: what moves there
// are, what each does to a product's level, and the law that none may break:
// on hand + reserved + picked = received, and none of them below zero.
package stock

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Limit is the most units of one product that can ever be received: the wire
// counts in 32 bits.
const Limit = math.MaxInt32

// Kind is why units move. It is stored in the ledger.
type Kind string

// The moves.
const (
	Received Kind = "received" // units arrived
	Reserved Kind = "reserved" // an order holds them
	Released Kind = "released" // the order doesn't need them any more, before they were picked
	Picked   Kind = "picked"   // a bot took them off the shelf
	Returned Kind = "returned" // the order doesn't need them any more, after they were picked
)

// Effect is what one unit of a move adds to each part of a level.
type Effect struct{ Received, OnHand, Reserved, Picked int64 }

// Effects is every move there is. The tables, the rules and the audit follow
// it; each of them keeps the law, since its parts add up.
var Effects = map[Kind]Effect{
	Received: {Received: 1, OnHand: 1},
	Reserved: {OnHand: -1, Reserved: 1},
	Released: {OnHand: 1, Reserved: -1},
	Picked:   {Reserved: -1, Picked: 1},
	Returned: {OnHand: 1, Picked: -1},
}

// Level is what there is of one product.
type Level struct {
	ProductID string
	Received  int64 // ever
	OnHand    int64 // free to be reserved
	Reserved  int64
	Picked    int64
}

// Move returns the level after a move of so many units.
func (l Level) Move(kind Kind, quantity int64) Level {
	e := Effects[kind]
	l.Received += e.Received * quantity
	l.OnHand += e.OnHand * quantity
	l.Reserved += e.Reserved * quantity
	l.Picked += e.Picked * quantity
	return l
}

// Check returns an error that names what breaks the law.
func (l Level) Check() error {
	if l.OnHand < 0 || l.Reserved < 0 || l.Picked < 0 || l.Received < 0 || l.Received > Limit {
		return fmt.Errorf("product %s is out of bounds: %s", l.ProductID, l)
	}
	if l.OnHand+l.Reserved+l.Picked != l.Received {
		return fmt.Errorf("product %s does not add up: %s", l.ProductID, l)
	}
	return nil
}

// String writes the level for people.
func (l Level) String() string {
	return fmt.Sprintf("%d on hand + %d reserved + %d picked of %d received", l.OnHand, l.Reserved, l.Picked, l.Received)
}

// Line is so many units of a product.
type Line struct {
	ProductID string
	Quantity  int64
}

// ErrLine refuses lines that cannot be summed.
var ErrLine = errors.New("stock: a line needs a product and a quantity of at least 1, and all lines together fit into 32 bits")

// Sum adds up the lines of each product, sorted by product: the order in which
// everybody locks them, so that nobody waits in a circle.
func Sum(lines []Line) ([]Line, error) {
	total := map[string]int64{}
	for _, line := range lines {
		if line.ProductID == "" || line.Quantity < 1 || line.Quantity > Limit-total[line.ProductID] {
			return nil, fmt.Errorf("%w: %d of product %q", ErrLine, line.Quantity, line.ProductID)
		}
		total[line.ProductID] += line.Quantity
	}
	summed := make([]Line, 0, len(total))
	for product, quantity := range total {
		summed = append(summed, Line{ProductID: product, Quantity: quantity})
	}
	slices.SortFunc(summed, func(a, b Line) int { return cmp.Compare(a.ProductID, b.ProductID) })
	return summed, nil
}
