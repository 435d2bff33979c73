package bot

import (
	"testing"

	"mallbots/internal/eventsourcing/aggregatetest"
)

// table is what a bot answers to each command in each state.
var table = aggregatetest.Table[*Bot, Event]{
	New: New,
	State: func(b *Bot) string {
		if b.name == "" {
			return "not registered"
		}
		return "registered"
	},
	Show: func(b *Bot) map[string]any { return map[string]any{"Name": b.Name()} },
	States: []aggregatetest.State[Event]{
		{Name: "not registered"},
		{Name: "registered", Given: []Event{Registered{Name: "R2"}}},
	},
	Commands: []aggregatetest.Command[*Bot]{
		{Name: "Register", Do: func(b *Bot) error { return b.Register("R2") }},
	},
}

func TestTheTableOfCommands(t *testing.T) { table.Run(t) }

func TestWhatWasReleasedStillFolds(t *testing.T) { table.Releases(t) }
