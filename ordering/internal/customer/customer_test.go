package customer

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/eventsourcing"
	"mallbots/internal/eventsourcing/aggregatetest"
)

var registered = Registered{Name: "Ada", SmsNumber: "+44 1"}

func TestCustomer(t *testing.T) {
	aggregatetest.Run(t, New, []aggregatetest.Case[*Customer, Event]{
		{
			Name: "a new customer is registered under the trimmed name",
			When: func(c *Customer) error { return c.Register(" Ada ", "+44 1") },
			Then: []Event{registered},
		},
		{
			Name: "a customer is registered once", Given: []Event{registered},
			When: func(c *Customer) error { return c.Register("Ada", "+44 1") }, Err: ErrRegistered,
		},
		{
			Name: "a blank name is refused",
			When: func(c *Customer) error { return c.Register(" \t", "+44 1") }, Err: ErrNameBlank,
		},
		{
			Name: "a blank number is refused",
			When: func(c *Customer) error { return c.Register("Ada", "") }, Err: ErrSmsNumberBlank,
		},
		{
			Name: "a customer can change the name", Given: []Event{registered},
			When: func(c *Customer) error { return c.Rename("Ada King") }, Then: []Event{Renamed{Name: "Ada King"}},
		},
		{
			Name: "the same name changes nothing", Given: []Event{registered},
			When: func(c *Customer) error { return c.Rename("Ada") },
		},
		{
			Name: "nobody is renamed to nothing", Given: []Event{registered},
			When: func(c *Customer) error { return c.Rename(" ") }, Err: ErrNameBlank,
		},
		{
			Name: "a stranger cannot be renamed",
			When: func(c *Customer) error { return c.Rename("Eve") }, Err: ErrNotRegistered,
		},
		{
			Name: "a customer can change the number", Given: []Event{registered},
			When: func(c *Customer) error { return c.ChangeSmsNumber("+44 2") }, Then: []Event{SmsNumberChanged{SmsNumber: "+44 2"}},
		},
		{
			Name: "the same number changes nothing", Given: []Event{registered},
			When: func(c *Customer) error { return c.ChangeSmsNumber("+44 1") },
		},
		{
			Name: "a number is never blank", Given: []Event{registered},
			When: func(c *Customer) error { return c.ChangeSmsNumber("") }, Err: ErrSmsNumberBlank,
		},
		{
			Name: "a stranger has no number",
			When: func(c *Customer) error { return c.ChangeSmsNumber("1") }, Err: ErrNotRegistered,
		},
		{
			Name: "a new customer is enabled already", Given: []Event{registered},
			When: (*Customer).Enable, Err: ErrAlreadyEnabled,
		},
		{Name: "a customer can be disabled", Given: []Event{registered}, When: (*Customer).Disable, Then: []Event{Disabled{}}},
		{
			Name: "a customer is disabled once", Given: []Event{registered, Disabled{}},
			When: (*Customer).Disable, Err: ErrAlreadyDisabled,
		},
		{
			Name: "a disabled customer can be enabled again", Given: []Event{registered, Disabled{}},
			When: (*Customer).Enable, Then: []Event{Enabled{}},
		},
		{
			Name: "an enabled customer is not enabled twice", Given: []Event{registered, Disabled{}, Enabled{}},
			When: (*Customer).Enable, Err: ErrAlreadyEnabled,
		},
		{Name: "a stranger cannot be enabled", When: (*Customer).Enable, Err: ErrNotRegistered},
		{Name: "a stranger cannot be disabled", When: (*Customer).Disable, Err: ErrNotRegistered},
	})
}

func TestStoredEventsNeverChange(t *testing.T) {
	aggregatetest.Golden[Event](t, "testdata/events.golden",
		registered, Renamed{Name: "Ada King"}, SmsNumberChanged{SmsNumber: "+44 2"}, Enabled{}, Disabled{})
	_, err := decode("Married", []byte("{}"))
	require.ErrorContains(t, err, "Married")
}

func TestEveryPersonalFieldIsTransformed(t *testing.T) {
	shout := func(s string) (string, error) { return strings.ToUpper(s), nil }
	fail := errors.New("no key")
	for _, c := range []struct{ event, want eventsourcing.Personal }{
		{Registered{Name: "ada", SmsNumber: "x1"}, Registered{Name: "ADA", SmsNumber: "X1"}},
		{Renamed{Name: "ada"}, Renamed{Name: "ADA"}},
		{SmsNumberChanged{SmsNumber: "x1"}, SmsNumberChanged{SmsNumber: "X1"}},
	} {
		got, err := c.event.Transform(shout)
		require.NoError(t, err)
		require.Equal(t, eventsourcing.Event(c.want), got)
		_, err = c.event.Transform(func(string) (string, error) { return "", fail })
		require.ErrorIs(t, err, fail)
	}
}
