package bot

import (
	"fmt"

	"mallbots/internal/eventsourcing"
)

// Event is everything that can happen to a bot.
//
//sumtype:decl
type Event interface {
	eventsourcing.Event
	bot() // sealed: no other package can add one
}

// Registered says that the depot has a new bot.
type Registered struct {
	Name string `json:"name"`
}

// EventName is the name in the store.
func (Registered) EventName() string { return "Registered" }

func (Registered) bot() {}

func decode(name string, data []byte) (Event, error) {
	switch name {
	case Registered{}.EventName():
		return eventsourcing.Decode[Registered](data)
	}
	return nil, fmt.Errorf("bot: unknown event %q", name)
}
