package customer

import (
	"fmt"

	"mallbots/internal/eventsourcing"
)

// Event is everything that can happen to a customer.
//
//sumtype:decl
type Event interface {
	eventsourcing.Event
	customer() // sealed: no other package can add one
}

// Registered says that somebody became a customer. Name and number are personal.
type Registered struct {
	Name      string `json:"name"`
	SmsNumber string `json:"sms_number"`
}

// Renamed says how the customer is called now. The name is personal.
type Renamed struct {
	Name string `json:"name"`
}

// SmsNumberChanged says where the customer reads messages now. It is personal.
type SmsNumberChanged struct {
	SmsNumber string `json:"sms_number"`
}

// Enabled says that the customer may order again.
type Enabled struct{}

// Disabled says that the customer may not order any more.
type Disabled struct{}

// EventName is the name in the store.
func (Registered) EventName() string { return "Registered" }

// EventName is the name in the store.
func (Renamed) EventName() string { return "Renamed" }

// EventName is the name in the store.
func (SmsNumberChanged) EventName() string { return "SmsNumberChanged" }

// EventName is the name in the store.
func (Enabled) EventName() string { return "Enabled" }

// EventName is the name in the store.
func (Disabled) EventName() string { return "Disabled" }

func (Registered) customer()       {}
func (Renamed) customer()          {}
func (SmsNumberChanged) customer() {}
func (Enabled) customer()          {}
func (Disabled) customer()         {}

// Transform returns the event with f applied to the name and the number.
func (e Registered) Transform(f func(string) (string, error)) (eventsourcing.Event, error) {
	name, err := f(e.Name)
	if err != nil {
		return nil, err
	}
	smsNumber, err := f(e.SmsNumber)
	return Registered{Name: name, SmsNumber: smsNumber}, err
}

// Transform returns the event with f applied to the name.
func (e Renamed) Transform(f func(string) (string, error)) (eventsourcing.Event, error) {
	name, err := f(e.Name)
	return Renamed{Name: name}, err
}

// Transform returns the event with f applied to the number.
func (e SmsNumberChanged) Transform(f func(string) (string, error)) (eventsourcing.Event, error) {
	smsNumber, err := f(e.SmsNumber)
	return SmsNumberChanged{SmsNumber: smsNumber}, err
}

func decode(name string, data []byte) (Event, error) {
	switch name {
	case Registered{}.EventName():
		return eventsourcing.Decode[Registered](data)
	case Renamed{}.EventName():
		return eventsourcing.Decode[Renamed](data)
	case SmsNumberChanged{}.EventName():
		return eventsourcing.Decode[SmsNumberChanged](data)
	case Enabled{}.EventName():
		return eventsourcing.Decode[Enabled](data)
	case Disabled{}.EventName():
		return eventsourcing.Decode[Disabled](data)
	}
	return nil, fmt.Errorf("customer: unknown event %q", name)
}
