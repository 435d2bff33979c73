package shoppinglist

import (
	"testing"

	"mallbots/internal/eventsourcing/aggregatetest"
)

// table is what a list answers to each command in each state.
var table = aggregatetest.Table[*List, Event]{
	New: New,
	State: func(l *List) string {
		if l.Status() == StatusNone {
			return "not created"
		}
		return string(l.Status())
	},
	Show: func(l *List) map[string]any {
		return map[string]any{"Status": l.Status(), "Items": l.Items(), "BotID": l.BotID(), "Reason": l.Reason()}
	},
	States: []aggregatetest.State[Event]{
		{Name: "not created"},
		{Name: "AVAILABLE", Given: histories[StatusAvailable]},
		{Name: "ASSIGNED", Given: histories[StatusAssigned]},
		{Name: "COMPLETED", Given: histories[StatusCompleted]},
		{Name: "CANCELED", Given: histories[StatusCanceled]},
	},
	Commands: []aggregatetest.Command[*List]{
		{Name: "Create", Do: commands[create].run},
		{Name: "Assign", Do: commands[assign].run},
		{Name: "Complete", Do: commands[complete].run},
		{Name: "Cancel", Do: commands[cancel].run},
		{Name: "CallOff", Do: commands[callOff].run},
	},
	Lives: []aggregatetest.State[Event]{
		{Name: "called off after it was picked", Given: []Event{
			listed, assigned, Assigned{BotID: "c3"}, completed, Canceled{Reason: "flood", Picked: true},
		}},
	},
}

func TestTheTableOfCommands(t *testing.T) { table.Run(t) }

func TestWhatWasReleasedStillFolds(t *testing.T) { table.Releases(t) }
