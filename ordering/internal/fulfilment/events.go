package fulfilment

import (
	"fmt"
	"time"

	"mallbots/internal/eventsourcing"
)

// Event is everything that can happen to a fulfilment: first the facts it
// hears, then the decisions that follow from them.
//
//sumtype:decl
type Event interface {
	eventsourcing.Event
	fulfilment() // sealed: no other package can add one
}

// Started says that the order was placed, and until when the depot may answer.
type Started struct {
	Deadline time.Time `json:"deadline"`
}

// StockReserved says that the depot holds every line.
type StockReserved struct{}

// StockRefused says that the depot could not reserve everything.
type StockRefused struct {
	Reason string `json:"reason"`
}

// ListCompleted says that the goods are picked.
type ListCompleted struct{}

// ListCanceled says that the depot will not pick the goods.
type ListCanceled struct {
	Reason string `json:"reason"`
}

// OrderCanceled says that the order was called off.
type OrderCanceled struct{}

// GaveUp says that the depot did not answer within the patience.
type GaveUp struct{}

// Approved decides that the order is approved.
type Approved struct{}

// Rejected decides that the order is rejected. It ends the fulfilment.
type Rejected struct {
	Reason string `json:"reason"`
}

// Readied decides that the order is ready. It ends the fulfilment.
type Readied struct{}

// Canceled decides that the order is cancelled. It ends the fulfilment.
type Canceled struct {
	Reason string `json:"reason"`
}

// Closed decides that nothing is left to do. It ends the fulfilment.
type Closed struct{}

// EventName is the name in the store.
func (Started) EventName() string { return "Started" }

// EventName is the name in the store.
func (StockReserved) EventName() string { return "StockReserved" }

// EventName is the name in the store.
func (StockRefused) EventName() string { return "StockRefused" }

// EventName is the name in the store.
func (ListCompleted) EventName() string { return "ListCompleted" }

// EventName is the name in the store.
func (ListCanceled) EventName() string { return "ListCanceled" }

// EventName is the name in the store.
func (OrderCanceled) EventName() string { return "OrderCanceled" }

// EventName is the name in the store.
func (GaveUp) EventName() string { return "GaveUp" }

// EventName is the name in the store.
func (Approved) EventName() string { return "Approved" }

// EventName is the name in the store.
func (Rejected) EventName() string { return "Rejected" }

// EventName is the name in the store.
func (Readied) EventName() string { return "Readied" }

// EventName is the name in the store.
func (Canceled) EventName() string { return "Canceled" }

// EventName is the name in the store.
func (Closed) EventName() string { return "Closed" }

func (Started) fulfilment()       {}
func (StockReserved) fulfilment() {}
func (StockRefused) fulfilment()  {}
func (ListCompleted) fulfilment() {}
func (ListCanceled) fulfilment()  {}
func (OrderCanceled) fulfilment() {}
func (GaveUp) fulfilment()        {}
func (Approved) fulfilment()      {}
func (Rejected) fulfilment()      {}
func (Readied) fulfilment()       {}
func (Canceled) fulfilment()      {}
func (Closed) fulfilment()        {}

func decode(name string, data []byte) (Event, error) {
	switch name {
	case Started{}.EventName():
		return eventsourcing.Decode[Started](data)
	case StockReserved{}.EventName():
		return eventsourcing.Decode[StockReserved](data)
	case StockRefused{}.EventName():
		return eventsourcing.Decode[StockRefused](data)
	case ListCompleted{}.EventName():
		return eventsourcing.Decode[ListCompleted](data)
	case ListCanceled{}.EventName():
		return eventsourcing.Decode[ListCanceled](data)
	case OrderCanceled{}.EventName():
		return eventsourcing.Decode[OrderCanceled](data)
	case GaveUp{}.EventName():
		return eventsourcing.Decode[GaveUp](data)
	case Approved{}.EventName():
		return eventsourcing.Decode[Approved](data)
	case Rejected{}.EventName():
		return eventsourcing.Decode[Rejected](data)
	case Readied{}.EventName():
		return eventsourcing.Decode[Readied](data)
	case Canceled{}.EventName():
		return eventsourcing.Decode[Canceled](data)
	case Closed{}.EventName():
		return eventsourcing.Decode[Closed](data)
	}
	return nil, fmt.Errorf("fulfilment: unknown event %q", name)
}
