package shoppinglist

import (
	"fmt"

	"mallbots/internal/eventsourcing"
)

// Event is everything that can happen to a shopping list.
//
//sumtype:decl
type Event interface {
	eventsourcing.Event
	list() // sealed: no other package can add one
}

// Listed says that the goods of an order are reserved and can be picked.
type Listed struct {
	Items []Item `json:"items"`
}

// Assigned says which bot picks from now on.
type Assigned struct {
	BotID string `json:"bot_id"`
}

// Completed says that everything is picked.
type Completed struct{}

// Canceled says that the list was given up. Picked says that its goods were
// picked already, and not only reserved.
type Canceled struct {
	Reason string `json:"reason"`
	Picked bool   `json:"picked"`
}

// EventName is the name in the store.
func (Listed) EventName() string { return "Listed" }

// EventName is the name in the store.
func (Assigned) EventName() string { return "Assigned" }

// EventName is the name in the store.
func (Completed) EventName() string { return "Completed" }

// EventName is the name in the store.
func (Canceled) EventName() string { return "Canceled" }

func (Listed) list()    {}
func (Assigned) list()  {}
func (Completed) list() {}
func (Canceled) list()  {}

func decode(name string, data []byte) (Event, error) {
	switch name {
	case Listed{}.EventName():
		return eventsourcing.Decode[Listed](data)
	case Assigned{}.EventName():
		return eventsourcing.Decode[Assigned](data)
	case Completed{}.EventName():
		return eventsourcing.Decode[Completed](data)
	case Canceled{}.EventName():
		return eventsourcing.Decode[Canceled](data)
	}
	return nil, fmt.Errorf("shopping list: unknown event %q", name)
}
