package customer

import (
	"testing"

	"mallbots/internal/eventsourcing/aggregatetest"
)

// table is what a customer answers to each command in each state.
var table = aggregatetest.Table[*Customer, Event]{
	New: New,
	State: func(c *Customer) string {
		switch {
		case !c.known:
			return "not registered"
		case c.enabled:
			return "enabled"
		}
		return "disabled"
	},
	Show: func(c *Customer) map[string]any {
		return map[string]any{"Name": c.Name(), "SmsNumber": c.SmsNumber(), "Enabled": c.Enabled()}
	},
	States: []aggregatetest.State[Event]{
		{Name: "not registered"},
		{Name: "enabled", Given: []Event{registered}},
		{Name: "disabled", Given: []Event{registered, Disabled{}}},
	},
	Commands: []aggregatetest.Command[*Customer]{
		{Name: "Register", Do: func(c *Customer) error { return c.Register("Ada", "+44 1") }},
		{Name: "Rename", Do: func(c *Customer) error { return c.Rename("Ada King") }},
		{Name: "ChangeSmsNumber", Do: func(c *Customer) error { return c.ChangeSmsNumber("+44 2") }},
		{Name: "Enable", Do: (*Customer).Enable},
		{Name: "Disable", Do: (*Customer).Disable},
	},
	Lives: []aggregatetest.State[Event]{
		{Name: "a long life", Given: []Event{
			registered, Renamed{Name: "Ada King"}, Disabled{}, SmsNumberChanged{SmsNumber: "+44 2"}, Enabled{},
		}},
	},
}

func TestTheTableOfCommands(t *testing.T) { table.Run(t) }

func TestWhatWasReleasedStillFolds(t *testing.T) { table.Releases(t) }
