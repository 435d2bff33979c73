package fulfilment

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/eventsourcing/aggregatetest"
)

var (
	noon    = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	started = Started{Deadline: noon.Add(10 * time.Minute)}
)

func TestFulfilment(t *testing.T) {
	approved := []Event{started, StockReserved{}, Approved{}}
	aggregatetest.Run(t, New, []aggregatetest.Case[*Fulfilment, Event]{
		{
			Name: "an order that is placed gives the depot ten minutes",
			When: func(f *Fulfilment) error { return f.OrderPlaced(noon.Add(Patience)) }, Then: []Event{started},
		},
		{
			Name: "it starts once", Given: []Event{started},
			When: func(f *Fulfilment) error { return f.OrderPlaced(noon.Add(time.Hour)) },
		},
		{
			Name: "reserved goods approve the order", Given: []Event{started},
			When: (*Fulfilment).StockReserved, Then: []Event{StockReserved{}, Approved{}},
		},
		{
			Name: "goods that are not there reject it", Given: []Event{started},
			When: func(f *Fulfilment) error { return f.StockRefused("no tea") },
			Then: []Event{StockRefused{Reason: "no tea"}, Rejected{Reason: "no tea"}},
		},
		{
			Name: "a refusal without reason gets one", Given: []Event{started},
			When: func(f *Fulfilment) error { return f.StockRefused("") },
			Then: []Event{StockRefused{}, Rejected{Reason: ReasonRefused}},
		},
		{
			Name: "picked goods make it ready", Given: approved,
			When: (*Fulfilment).ListCompleted, Then: []Event{ListCompleted{}, Readied{}},
		},
		{
			Name: "picked goods were reserved, even if nobody said so yet", Given: []Event{started},
			When: (*Fulfilment).ListCompleted, Then: []Event{ListCompleted{}, Approved{}, Readied{}},
		},
		{
			Name: "a list that staff cancel cancels the order", Given: approved,
			When: func(f *Fulfilment) error { return f.ListCanceled("flood") },
			Then: []Event{ListCanceled{Reason: "flood"}, Canceled{Reason: "flood"}},
		},
		{
			Name: "a customer who cancels closes it", Given: approved,
			When: (*Fulfilment).OrderCanceled, Then: []Event{OrderCanceled{}, Closed{}},
		},
		{
			Name: "silence rejects the order", Given: []Event{started},
			When: (*Fulfilment).DeadlinePassed, Then: []Event{GaveUp{}, Rejected{Reason: ReasonNoAnswer}},
		},
		{Name: "a deadline after the answer is nothing", Given: approved, When: (*Fulfilment).DeadlinePassed},
		{Name: "a deadline before the start is nothing", When: (*Fulfilment).DeadlinePassed},
		{
			Name:  "an answer after giving up is nothing",
			Given: []Event{started, GaveUp{}, Rejected{Reason: ReasonNoAnswer}}, When: (*Fulfilment).StockReserved,
		},
		{
			Name: "a refusal after the approval changes nothing", Given: approved,
			When: func(f *Fulfilment) error { return f.StockRefused("late") }, Then: []Event{StockRefused{Reason: "late"}},
		},
		{
			Name: "facts from before the start count at the start", Given: []Event{StockReserved{}, ListCompleted{}},
			When: func(f *Fulfilment) error { return f.OrderPlaced(noon.Add(Patience)) }, Then: []Event{started, Approved{}, Readied{}},
		},
	})
}

func TestEndedAbsorbsEverything(t *testing.T) {
	for name, end := range map[string][]Event{
		"rejected": {started, StockRefused{Reason: "no"}, Rejected{Reason: "no"}},
		"readied":  {started, StockReserved{}, Approved{}, ListCompleted{}, Readied{}},
		"canceled": {started, ListCanceled{Reason: "no"}, Canceled{Reason: "no"}},
		"closed":   {started, OrderCanceled{}, Closed{}},
	} {
		for input, hear := range inputs {
			aggregatetest.Run(t, New, []aggregatetest.Case[*Fulfilment, Event]{{
				Name: name + " hears " + input, Given: end, When: hear,
			}})
		}
	}
}

func TestStoredEventsNeverChange(t *testing.T) {
	aggregatetest.Golden[Event](t, "testdata/events.golden",
		started, StockReserved{}, StockRefused{Reason: "no tea"}, ListCompleted{}, ListCanceled{Reason: "flood"}, OrderCanceled{}, GaveUp{},
		Approved{}, Rejected{Reason: "no tea"}, Readied{}, Canceled{Reason: "flood"}, Closed{})
	_, err := decode("Forgotten", []byte("{}"))
	require.ErrorContains(t, err, "Forgotten")
}
