package basket

import (
	"fmt"

	"mallbots/internal/eventsourcing"
)

// Event is everything that can happen to a basket.
//
//sumtype:decl
type Event interface {
	eventsourcing.Event
	basket() // sealed: no other package can add one
}

// Started is the first thing that happens to a basket.
type Started struct {
	CustomerID string `json:"customer_id"`
	Currency   string `json:"currency"` // of every price in the basket
}

// ItemAdded is units of a product put in, at the price of that moment.
type ItemAdded struct {
	Item
}

// ItemRemoved is units of a product taken out, those added last first.
type ItemRemoved struct {
	ProductID string `json:"product_id"`
	Quantity  int32  `json:"quantity"`
}

// CheckedOut is the basket handed over to be ordered: the lines as they are
// bought, at the prices that hold.
type CheckedOut struct {
	PaymentID string `json:"payment_id"`
	Items     []Item `json:"items"`
	Total     int64  `json:"total"` // minor units
}

// Canceled is the basket thrown away.
type Canceled struct{}

// EventName is how the event is stored; it never changes.
func (Started) EventName() string { return "Started" }

// EventName is how the event is stored; it never changes.
func (ItemAdded) EventName() string { return "ItemAdded" }

// EventName is how the event is stored; it never changes.
func (ItemRemoved) EventName() string { return "ItemRemoved" }

// EventName is how the event is stored; it never changes.
func (CheckedOut) EventName() string { return "CheckedOut" }

// EventName is how the event is stored; it never changes.
func (Canceled) EventName() string { return "Canceled" }

func (Started) basket()     {}
func (ItemAdded) basket()   {}
func (ItemRemoved) basket() {}
func (CheckedOut) basket()  {}
func (Canceled) basket()    {}

func decode(name string, data []byte) (Event, error) {
	switch name {
	case Started{}.EventName():
		return eventsourcing.Decode[Started](data)
	case ItemAdded{}.EventName():
		return eventsourcing.Decode[ItemAdded](data)
	case ItemRemoved{}.EventName():
		return eventsourcing.Decode[ItemRemoved](data)
	case CheckedOut{}.EventName():
		return eventsourcing.Decode[CheckedOut](data)
	case Canceled{}.EventName():
		return eventsourcing.Decode[Canceled](data)
	}
	return nil, fmt.Errorf("basket: unknown event %q", name)
}
