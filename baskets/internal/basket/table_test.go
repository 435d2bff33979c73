package basket

import (
	"testing"

	"mallbots/internal/eventsourcing/aggregatetest"
)

// table is what a basket answers to each command in each state.
var table = aggregatetest.Table[*Basket, Event]{
	New:   New,
	State: func(b *Basket) string { return b.Status().String() },
	Show: func(b *Basket) map[string]any {
		return map[string]any{
			"Status": b.Status().String(), "CustomerID": b.CustomerID(), "Currency": b.Currency(), "PaymentID": b.PaymentID(),
			"Items": b.Items(), "Total": b.Total(), "Agreed": b.Agreed(), "Units": b.Units(), "ProductIDs": b.ProductIDs(),
		}
	},
	States: []aggregatetest.State[Event]{
		{Name: "not started"},
		{Name: "open", Given: withChai},
		{Name: "checked out", Given: []Event{started, ItemAdded{chai.item(2)}, checked}},
		{Name: "canceled", Given: []Event{started, ItemAdded{chai.item(2)}, Canceled{}}},
	},
	Commands: []aggregatetest.Command[*Basket]{
		{Name: "Start", Do: func(b *Basket) error { return b.Start("ada", "USD") }},
		{Name: "AddItem", Do: addItem(chai, 1)},
		{Name: "RemoveItem", Do: removeItem("chai", 1)},
		{Name: "CheckOut", Do: checkOut(false, chai)},
		{Name: "Cancel", Do: cancel},
	},
	Lives: []aggregatetest.State[Event]{
		{Name: "two prices and some taken out", Given: []Event{
			started, ItemAdded{chai.item(2)}, ItemAdded{ikura.item(1)}, ItemAdded{at(chai, 2000).item(3)}, ItemRemoved{"chai", 4},
		}},
	},
}

func TestTheTableOfCommands(t *testing.T) { table.Run(t) }

func TestWhatWasReleasedStillFolds(t *testing.T) { table.Releases(t) }
