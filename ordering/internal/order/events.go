package order

import (
	"fmt"

	"mallbots/internal/eventsourcing"
)

// Event is everything that can happen to an order.
//
//sumtype:decl
type Event interface {
	eventsourcing.Event
	order() // sealed: no other package can add one
}

// Placed says that a basket was checked out. None of it is personal: the
// customer is an id.
type Placed struct {
	CustomerID string `json:"customer_id"`
	PaymentID  string `json:"payment_id"`
	Currency   string `json:"currency"`
	Items      []Item `json:"items"`
}

// Approved says that the depot has reserved every line.
type Approved struct{}

// Rejected says that the order will never be fulfilled.
type Rejected struct {
	Reason string `json:"reason"`
}

// Readied says that the goods wait for the customer.
type Readied struct{}

// Completed says that the customer has collected the goods.
type Completed struct {
	InvoiceID string `json:"invoice_id"`
}

// Canceled says that the order was called off before it was ready.
type Canceled struct {
	Reason string `json:"reason"`
}

// EventName is the name in the store.
func (Placed) EventName() string { return "Placed" }

// EventName is the name in the store.
func (Approved) EventName() string { return "Approved" }

// EventName is the name in the store.
func (Rejected) EventName() string { return "Rejected" }

// EventName is the name in the store.
func (Readied) EventName() string { return "Readied" }

// EventName is the name in the store.
func (Completed) EventName() string { return "Completed" }

// EventName is the name in the store.
func (Canceled) EventName() string { return "Canceled" }

func (Placed) order()    {}
func (Approved) order()  {}
func (Rejected) order()  {}
func (Readied) order()   {}
func (Completed) order() {}
func (Canceled) order()  {}

func decode(name string, data []byte) (Event, error) {
	switch name {
	case Placed{}.EventName():
		return eventsourcing.Decode[Placed](data)
	case Approved{}.EventName():
		return eventsourcing.Decode[Approved](data)
	case Rejected{}.EventName():
		return eventsourcing.Decode[Rejected](data)
	case Readied{}.EventName():
		return eventsourcing.Decode[Readied](data)
	case Completed{}.EventName():
		return eventsourcing.Decode[Completed](data)
	case Canceled{}.EventName():
		return eventsourcing.Decode[Canceled](data)
	}
	return nil, fmt.Errorf("order: unknown event %q", name)
}
