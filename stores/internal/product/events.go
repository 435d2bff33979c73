package product

import (
	"fmt"

	"mallbots/internal/eventsourcing"
)

// Event is everything that can happen to a product.
//
//sumtype:decl
type Event interface {
	eventsourcing.Event
	product() // sealed: no other package can add one
}

// Added is the first thing that happens to a product.
type Added struct {
	StoreID     string `json:"store_id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	SKU         string `json:"sku"`
	Price       int64  `json:"price"` // minor units
	Currency    string `json:"currency"`
}

// Rebranded is a change of the product's name or description.
type Rebranded struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

// PriceIncreased carries the new price, not the difference.
type PriceIncreased struct {
	Price int64 `json:"price"` // minor units
}

// PriceDecreased carries the new price, not the difference.
type PriceDecreased struct {
	Price int64 `json:"price"` // minor units
}

// Removed is the last thing that happens to a product.
type Removed struct{}

// EventName is how the event is stored; it never changes.
func (Added) EventName() string { return "Added" }

// EventName is how the event is stored; it never changes.
func (Rebranded) EventName() string { return "Rebranded" }

// EventName is how the event is stored; it never changes.
func (PriceIncreased) EventName() string { return "PriceIncreased" }

// EventName is how the event is stored; it never changes.
func (PriceDecreased) EventName() string { return "PriceDecreased" }

// EventName is how the event is stored; it never changes.
func (Removed) EventName() string { return "Removed" }

func (Added) product()          {}
func (Rebranded) product()      {}
func (PriceIncreased) product() {}
func (PriceDecreased) product() {}
func (Removed) product()        {}

func decode(name string, data []byte) (Event, error) {
	switch name {
	case Added{}.EventName():
		return eventsourcing.Decode[Added](data)
	case Rebranded{}.EventName():
		return eventsourcing.Decode[Rebranded](data)
	case PriceIncreased{}.EventName():
		return eventsourcing.Decode[PriceIncreased](data)
	case PriceDecreased{}.EventName():
		return eventsourcing.Decode[PriceDecreased](data)
	case Removed{}.EventName():
		return eventsourcing.Decode[Removed](data)
	}
	return nil, fmt.Errorf("product: unknown event %q", name)
}
