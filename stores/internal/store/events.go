package store

import (
	"fmt"

	"mallbots/internal/eventsourcing"
)

// Event is everything that can happen to a store.
//
//sumtype:decl
type Event interface {
	eventsourcing.Event
	store() // sealed: no other package can add one
}

// Created is the first thing that happens to a store.
type Created struct {
	Name     string `json:"name"`
	Location string `json:"location"`
}

// Rebranded is a change of the store's name.
type Rebranded struct {
	Name string `json:"name"`
}

// ParticipationEnabled is the store beginning to sell.
type ParticipationEnabled struct{}

// ParticipationDisabled is the store ceasing to sell.
type ParticipationDisabled struct{}

// EventName is how the event is stored; it never changes.
func (Created) EventName() string { return "Created" }

// EventName is how the event is stored; it never changes.
func (Rebranded) EventName() string { return "Rebranded" }

// EventName is how the event is stored; it never changes.
func (ParticipationEnabled) EventName() string { return "ParticipationEnabled" }

// EventName is how the event is stored; it never changes.
func (ParticipationDisabled) EventName() string { return "ParticipationDisabled" }

func (Created) store()               {}
func (Rebranded) store()             {}
func (ParticipationEnabled) store()  {}
func (ParticipationDisabled) store() {}

func decode(name string, data []byte) (Event, error) {
	switch name {
	case Created{}.EventName():
		return eventsourcing.Decode[Created](data)
	case Rebranded{}.EventName():
		return eventsourcing.Decode[Rebranded](data)
	case ParticipationEnabled{}.EventName():
		return eventsourcing.Decode[ParticipationEnabled](data)
	case ParticipationDisabled{}.EventName():
		return eventsourcing.Decode[ParticipationDisabled](data)
	}
	return nil, fmt.Errorf("store: unknown event %q", name)
}
