package simulation

import (
	"google.golang.org/protobuf/proto"
)

// ledger is what the people of the mall know: what they were answered.
type ledger struct {
	products  []*product
	customers []string
	checkouts map[string]outcome // by basket
	totals    map[string]int64   // by basket: what it came to
	stock     map[string]*receipt
	answers   map[string][]byte // by idempotency key
}

// receipt is how many units of a product were received.
type receipt struct{ surely, perhaps int64 }

func newLedger() *ledger {
	return &ledger{
		checkouts: map[string]outcome{}, totals: map[string]int64{},
		stock: map[string]*receipt{}, answers: map[string][]byte{},
	}
}

// checkedOut notes the last word on the check-out of a basket.
func (l *ledger) checkedOut(basket string, o outcome) { l.checkouts[basket] = o }

// received notes goods that have arrived.
func (l *ledger) received(product string, units int64, o outcome) {
	r := l.stock[product]
	if r == nil {
		r = &receipt{}
		l.stock[product] = r
	}
	switch {
	case o.ok():
		r.surely += units
	case o.unknown:
		r.perhaps += units
	}
}

// answered compares an answer with those that the same key had before.
func (l *ledger) answered(w *World, key string, res proto.Message) {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(res)
	if err != nil {
		w.violated("encode the answer to %s: %v", key, err)
		return
	}
	if known, ok := l.answers[key]; ok && string(known) != string(data) {
		w.violated("I9: %s was answered differently the second time", key)
	}
	l.answers[key] = data
}
