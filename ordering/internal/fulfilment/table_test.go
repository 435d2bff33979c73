package fulfilment

import (
	"testing"

	"mallbots/internal/eventsourcing/aggregatetest"
)

// table is what a fulfilment answers to each command in each state.
var table = aggregatetest.Table[*Fulfilment, Event]{
	New: New,
	State: func(f *Fulfilment) string {
		switch {
		case f.ended:
			return "ended"
		case f.approved:
			return "approved"
		case f.started:
			return "waiting"
		case f.Version() > 0:
			return "heard of before it started"
		}
		return "not started"
	},
	Show: func(f *Fulfilment) map[string]any {
		return map[string]any{
			"Waiting": f.Waiting(), "Ended": f.Ended(), "Deadline": f.Deadline(),
			"reserved": f.reserved, "refused": f.refused, "refusedReason": f.refusedReason, "picked": f.picked,
			"listGone": f.listGone, "listGoneReason": f.listGoneReason, "canceled": f.canceled, "gaveUp": f.gaveUp, "approved": f.approved,
		}
	},
	States: []aggregatetest.State[Event]{
		{Name: "not started"},
		{Name: "heard of before it started", Given: []Event{StockReserved{}}},
		{Name: "waiting", Given: []Event{started}},
		{Name: "approved", Given: []Event{started, StockReserved{}, Approved{}}},
		{Name: "ended", Given: []Event{started, StockReserved{}, Approved{}, ListCompleted{}, Readied{}}},
	},
	Commands: []aggregatetest.Command[*Fulfilment]{
		{Name: "OrderPlaced", Do: inputs["placed"]},
		{Name: "StockReserved", Do: inputs["reserved"]},
		{Name: "StockRefused", Do: inputs["refused"]},
		{Name: "ListCompleted", Do: inputs["picked"]},
		{Name: "ListCanceled", Do: inputs["list canceled"]},
		{Name: "OrderCanceled", Do: inputs["canceled"]},
		{Name: "DeadlinePassed", Do: inputs["deadline"]},
	},
	Lives: []aggregatetest.State[Event]{
		{Name: "refused", Given: []Event{started, StockRefused{Reason: "no tea"}, Rejected{Reason: "no tea"}}},
		{Name: "the list is gone", Given: []Event{started, ListCanceled{Reason: "flood"}, Canceled{Reason: "flood"}}},
		{Name: "called off", Given: []Event{started, OrderCanceled{}, Closed{}}},
		{Name: "given up", Given: []Event{started, GaveUp{}, Rejected{Reason: ReasonNoAnswer}}},
	},
}

func TestTheTableOfCommands(t *testing.T) { table.Run(t) }

func TestWhatWasReleasedStillFolds(t *testing.T) { table.Releases(t) }
