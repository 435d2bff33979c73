// Package fulfilment follows an order from its check-out until it is ready:
// the process manager of the mall.
//
// It is an aggregate that reacts. What it hears (the order was placed, the
// depot reserved or refused the goods, the list was picked or cancelled, the
// customer cancelled, time is up) it records as a set of facts: a fact that is
// known already changes nothing. After each fact it decides what the facts
// together mean, and records that decision, which the module carries out on
// the order. The decision depends on which facts are known, not on the order
// they came in, so that duplicates and late messages do no harm. Once ended, it
// absorbs whatever still comes.
package fulfilment

import (
	"time"

	"mallbots/internal/eventsourcing"
)

// Patience is how long the depot may take to answer, while this module itself
// is healthy.
const Patience = 10 * time.Minute

// Why the process manager ends an order, when nobody else gave a reason.
const (
	ReasonNoAnswer = "the depot did not answer in time"
	ReasonRefused  = "the depot could not reserve the goods"
	ReasonListGone = "the depot canceled the shopping list"
)

// Fulfilment is one order on its way to being ready.
type Fulfilment struct {
	eventsourcing.Root[Event]
	started        bool
	deadline       time.Time
	reserved       bool
	refused        bool
	refusedReason  string
	picked         bool
	listGone       bool
	listGoneReason string
	canceled       bool
	gaveUp         bool
	approved       bool
	ended          bool
}

// New returns a fulfilment that knows nothing yet. Its id is the order's.
func New(id string) *Fulfilment {
	f := &Fulfilment{}
	f.Root = eventsourcing.NewRoot(id, f.apply, decode)
	return f
}

// OrderPlaced starts it. The depot has until the deadline to answer.
func (f *Fulfilment) OrderPlaced(deadline time.Time) error {
	return f.hear(f.started, Started{Deadline: deadline.UTC().Truncate(time.Microsecond)})
}

// StockReserved says that the depot holds every line.
func (f *Fulfilment) StockReserved() error { return f.hear(f.reserved, StockReserved{}) }

// StockRefused says that the depot cannot reserve all lines, and so none.
func (f *Fulfilment) StockRefused(reason string) error {
	return f.hear(f.refused, StockRefused{Reason: reason})
}

// ListCompleted says that the goods are picked.
func (f *Fulfilment) ListCompleted() error { return f.hear(f.picked, ListCompleted{}) }

// ListCanceled says that the depot will not pick the goods.
func (f *Fulfilment) ListCanceled(reason string) error {
	return f.hear(f.listGone, ListCanceled{Reason: reason})
}

// OrderCanceled says that the order was called off.
func (f *Fulfilment) OrderCanceled() error { return f.hear(f.canceled, OrderCanceled{}) }

// DeadlinePassed gives up, unless the depot has answered after all.
func (f *Fulfilment) DeadlinePassed() error {
	if !f.Waiting() {
		return nil
	}
	return f.hear(f.gaveUp, GaveUp{})
}

// Waiting says whether the depot still owes the first answer.
func (f *Fulfilment) Waiting() bool { return f.started && !f.approved && !f.ended }

// Ended says that nothing will happen here any more.
func (f *Fulfilment) Ended() bool { return f.ended }

// Deadline is when the patience with the depot ends.
func (f *Fulfilment) Deadline() time.Time { return f.deadline }

// hear records a fact unless it is known, and what follows from it.
func (f *Fulfilment) hear(known bool, fact Event) error {
	if known || f.ended {
		return nil
	}
	f.Record(fact)
	if f.started {
		f.decide()
	}
	return nil
}

// decide records what the facts mean for the order, as far as it has not been
// decided yet.
func (f *Fulfilment) decide() {
	switch {
	case f.canceled:
		f.Record(Closed{})
	case f.refused && !f.approved:
		f.Record(Rejected{Reason: reason(f.refusedReason, ReasonRefused)})
	case f.listGone:
		f.Record(Canceled{Reason: reason(f.listGoneReason, ReasonListGone)})
	case f.reserved || f.picked:
		if !f.approved {
			f.Record(Approved{})
		}
		if f.picked {
			f.Record(Readied{})
		}
	case f.gaveUp:
		f.Record(Rejected{Reason: ReasonNoAnswer})
	}
}

func reason(given, otherwise string) string {
	if given != "" {
		return given
	}
	return otherwise
}

// apply changes the state. It decides nothing and never fails.
func (f *Fulfilment) apply(e Event) {
	switch e := e.(type) {
	case Started:
		f.started, f.deadline = true, e.Deadline
	case StockReserved:
		f.reserved = true
	case StockRefused:
		f.refused, f.refusedReason = true, e.Reason
	case ListCompleted:
		f.picked = true
	case ListCanceled:
		f.listGone, f.listGoneReason = true, e.Reason
	case OrderCanceled:
		f.canceled = true
	case GaveUp:
		f.gaveUp = true
	case Approved:
		f.approved = true
	case Rejected, Readied, Canceled, Closed:
		f.ended = true
	}
}
