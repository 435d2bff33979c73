package order

import (
	"testing"

	"mallbots/internal/eventsourcing/aggregatetest"
)

// table is what a order answers to each command in each state.
var table = aggregatetest.Table[*Order, Event]{
	New:   New,
	State: func(o *Order) string { return stateName(o.Status()) },
	Show: func(o *Order) map[string]any {
		return map[string]any{
			"Status": o.Status(), "CustomerID": o.CustomerID(), "PaymentID": o.PaymentID(), "InvoiceID": o.InvoiceID(),
			"Currency": o.Currency(), "Items": o.Items(), "Total": o.Total(), "Units": o.Units(), "Reason": o.Reason(),
		}
	},
	States: []aggregatetest.State[Event]{
		{Name: "not placed"},
		{Name: "PENDING", Given: histories[StatusPending]},
		{Name: "APPROVED", Given: histories[StatusApproved]},
		{Name: "REJECTED", Given: histories[StatusRejected]},
		{Name: "READY", Given: histories[StatusReady]},
		{Name: "COMPLETED", Given: histories[StatusCompleted]},
		{Name: "CANCELED", Given: histories[StatusCanceled]},
	},
	Commands: []aggregatetest.Command[*Order]{
		{Name: "Place", Do: commands[place].run},
		{Name: "Approve", Do: (*Order).Approve},
		{Name: "Reject", Do: commands[reject].run},
		{Name: "Ready", Do: (*Order).Ready},
		{Name: "Complete", Do: commands[complete].run},
		{Name: "Cancel", Do: commands[cancel].run},
	},
}

func TestTheTableOfCommands(t *testing.T) { table.Run(t) }

func TestWhatWasReleasedStillFolds(t *testing.T) { table.Releases(t) }

func stateName(s Status) string {
	if s == StatusNone {
		return "not placed"
	}
	return string(s)
}
