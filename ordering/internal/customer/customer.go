// Package customer holds the rules of a customer: a person who may order while
// enabled. The name and the number are personal; the store seals them with a
// key per person (see events.go).
package customer

import (
	"strings"

	"mallbots/internal/eventsourcing"
	"mallbots/internal/fault"
)

// Why a change to a customer is refused.
var (
	ErrNameBlank       = fault.New(fault.Invalid, "CUSTOMER_NAME_BLANK", "a customer needs a name")
	ErrSmsNumberBlank  = fault.New(fault.Invalid, "SMS_NUMBER_BLANK", "a customer needs a number for text messages")
	ErrRegistered      = fault.New(fault.Conflict, "CUSTOMER_REGISTERED", "the customer is registered already")
	ErrNotRegistered   = fault.New(fault.Conflict, "CUSTOMER_NOT_REGISTERED", "the customer was never registered")
	ErrAlreadyEnabled  = fault.New(fault.Conflict, "CUSTOMER_ENABLED", "the customer is ENABLED already")
	ErrAlreadyDisabled = fault.New(fault.Conflict, "CUSTOMER_DISABLED", "the customer is DISABLED already")
)

// Customer is a person who orders.
type Customer struct {
	eventsourcing.Root[Event]
	name      string
	smsNumber string
	known     bool
	enabled   bool
}

// New returns a blank customer.
func New(id string) *Customer {
	c := &Customer{}
	c.Root = eventsourcing.NewRoot(id, c.apply, decode)
	return c
}

// Register makes the customer known, and enabled.
func (c *Customer) Register(name, smsNumber string) error {
	name, smsNumber = strings.TrimSpace(name), strings.TrimSpace(smsNumber)
	switch {
	case c.known:
		return ErrRegistered
	case name == "":
		return ErrNameBlank.In("name")
	case smsNumber == "":
		return ErrSmsNumberBlank.In("smsNumber")
	}
	c.Record(Registered{Name: name, SmsNumber: smsNumber})
	return nil
}

// Rename gives the customer another name. The same name again changes nothing.
func (c *Customer) Rename(name string) error {
	name = strings.TrimSpace(name)
	switch {
	case !c.known:
		return ErrNotRegistered
	case name == "":
		return ErrNameBlank.In("name")
	case name == c.name:
		return nil
	}
	c.Record(Renamed{Name: name})
	return nil
}

// ChangeSmsNumber gives the customer another number. The same number again
// changes nothing.
func (c *Customer) ChangeSmsNumber(smsNumber string) error {
	smsNumber = strings.TrimSpace(smsNumber)
	switch {
	case !c.known:
		return ErrNotRegistered
	case smsNumber == "":
		return ErrSmsNumberBlank.In("smsNumber")
	case smsNumber == c.smsNumber:
		return nil
	}
	c.Record(SmsNumberChanged{SmsNumber: smsNumber})
	return nil
}

// Enable lets the customer order again.
func (c *Customer) Enable() error {
	switch {
	case !c.known:
		return ErrNotRegistered
	case c.enabled:
		return ErrAlreadyEnabled
	}
	c.Record(Enabled{})
	return nil
}

// Disable keeps the customer from ordering. Orders under way go on.
func (c *Customer) Disable() error {
	switch {
	case !c.known:
		return ErrNotRegistered
	case !c.enabled:
		return ErrAlreadyDisabled
	}
	c.Record(Disabled{})
	return nil
}

// Name is how the customer is called now; empty once it was erased.
func (c *Customer) Name() string { return c.name }

// SmsNumber is where the customer reads messages; empty once it was erased.
func (c *Customer) SmsNumber() string { return c.smsNumber }

// Enabled says whether the customer may order.
func (c *Customer) Enabled() bool { return c.enabled }

// apply changes the state. It decides nothing and never fails.
func (c *Customer) apply(e Event) {
	switch e := e.(type) {
	case Registered:
		c.known, c.enabled = true, true
		c.name, c.smsNumber = e.Name, e.SmsNumber
	case Renamed:
		c.name = e.Name
	case SmsNumberChanged:
		c.smsNumber = e.SmsNumber
	case Enabled:
		c.enabled = true
	case Disabled:
		c.enabled = false
	}
}
