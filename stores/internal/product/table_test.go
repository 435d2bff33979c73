package product

import (
	"testing"

	"mallbots/internal/eventsourcing/aggregatetest"
)

// table is what a product answers to each command in each state.
var table = aggregatetest.Table[*Product, Event]{
	New: New,
	State: func(p *Product) string {
		switch {
		case p.Version() == 0:
			return "not added"
		case p.removed:
			return "removed"
		}
		return "on the shelf"
	},
	Show: func(p *Product) map[string]any {
		return map[string]any{
			"StoreID": p.StoreID(), "Name": p.Name(), "Description": p.Description(), "SKU": p.SKU(),
			"Price": p.Price(), "Currency": p.Currency(), "Removed": p.Removed(),
		}
	},
	States: []aggregatetest.State[Event]{
		{Name: "not added"},
		{Name: "on the shelf", Given: []Event{added}},
		{Name: "removed", Given: []Event{added, Removed{}}},
	},
	Commands: []aggregatetest.Command[*Product]{
		{Name: "Add", Do: add(added)},
		{Name: "Rebrand", Do: rebrand("Tea", "strong")},
		{Name: "IncreasePrice", Do: increase(1900)},
		{Name: "DecreasePrice", Do: decrease(1700)},
		{Name: "Remove", Do: remove},
	},
	Lives: []aggregatetest.State[Event]{
		{Name: "a long life", Given: []Event{
			added, PriceIncreased{Price: 2000}, Rebranded{Name: "Tea", Description: "strong"}, PriceDecreased{Price: 1900}, Removed{},
		}},
	},
}

func TestTheTableOfCommands(t *testing.T) { table.Run(t) }

func TestWhatWasReleasedStillFolds(t *testing.T) { table.Releases(t) }
