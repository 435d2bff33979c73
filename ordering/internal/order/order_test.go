package order

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/eventsourcing"
	"mallbots/internal/eventsourcing/aggregatetest"
)

var (
	lines = []Item{
		{StoreID: "s1", ProductID: "p1", StoreName: "Tea", ProductName: "Chai", Price: 1800, Quantity: 2},
		{StoreID: "s2", ProductID: "p2", StoreName: "Cheese", ProductName: "Brie", Price: 950, Quantity: 3},
	}
	placed = Placed{CustomerID: "ada", PaymentID: "pay", Currency: "USD", Items: lines}
)

// histories leads to each state.
var histories = map[Status][]Event{
	StatusNone:      nil,
	StatusPending:   {placed},
	StatusApproved:  {placed, Approved{}},
	StatusRejected:  {placed, Rejected{Reason: "out of stock"}},
	StatusReady:     {placed, Approved{}, Readied{}},
	StatusCompleted: {placed, Approved{}, Readied{}, Completed{InvoiceID: "i"}},
	StatusCanceled:  {placed, Canceled{Reason: "changed my mind"}},
}

// commands is each command with the event it records.
var commands = map[command]struct {
	run  func(*Order) error
	then Event
	to   Status
}{
	place:    {func(o *Order) error { return o.Place("ada", "pay", "USD", lines) }, placed, StatusPending},
	approve:  {(*Order).Approve, Approved{}, StatusApproved},
	reject:   {func(o *Order) error { return o.Reject("no") }, Rejected{Reason: "no"}, StatusRejected},
	ready:    {(*Order).Ready, Readied{}, StatusReady},
	complete: {func(o *Order) error { return o.Complete("i") }, Completed{InvoiceID: "i"}, StatusCompleted},
	cancel:   {func(o *Order) error { return o.Cancel("no") }, Canceled{Reason: "no"}, StatusCanceled},
}

func TestEveryPairOfStateAndCommandIsInTheTable(t *testing.T) {
	require.Len(t, transitions, len(histories))
	for status, history := range histories {
		require.Len(t, transitions[status], len(commands), "state %s", status)
		for name, c := range commands {
			allowed, known := transitions[status][name]
			require.True(t, known, "%s is not decided for %s", name, status)
			story := aggregatetest.Case[*Order, Event]{
				Name: string(status) + " order is " + string(name), Given: history,
				When: func(o *Order) error {
					require.Equal(t, status, o.Status())
					err := c.run(o)
					if err != nil && status != StatusNone {
						require.ErrorContains(t, err, string(status), "the refusal names the state")
					}
					if err == nil {
						require.Equal(t, c.to, o.Status())
					}
					return err
				},
			}
			if allowed {
				story.Then = []Event{c.then}
			} else {
				story.Err = ErrState
			}
			aggregatetest.Run(t, New, []aggregatetest.Case[*Order, Event]{story})
		}
	}
}

func TestOrder(t *testing.T) {
	item := func(change func(*Item)) []Item {
		i := lines[0]
		change(&i)
		return []Item{i}
	}
	place := func(items []Item) func(*Order) error {
		return func(o *Order) error { return o.Place("ada", "pay", "USD", items) }
	}
	aggregatetest.Run(t, New, []aggregatetest.Case[*Order, Event]{
		{Name: "an order without lines is refused", When: place(nil), Err: ErrEmpty},
		{Name: "a line without product is refused", When: place(item(func(i *Item) { i.ProductID = "" })), Err: ErrLine},
		{Name: "a line without store is refused", When: place(item(func(i *Item) { i.StoreID = "" })), Err: ErrLine},
		{Name: "a line of nothing is refused", When: place(item(func(i *Item) { i.Quantity = 0 })), Err: ErrLine},
		{Name: "a negative quantity is refused", When: place(item(func(i *Item) { i.Quantity = -1 })), Err: ErrLine},
		{Name: "a negative price is refused", When: place(item(func(i *Item) { i.Price = -1 })), Err: ErrLine},
		{Name: "a total beyond counting is refused", When: place(item(func(i *Item) { i.Price = math.MaxInt64 })), Err: ErrTotal},
		{
			Name: "an order without currency is refused",
			When: func(o *Order) error { return o.Place("ada", "pay", "", lines) }, Err: ErrCurrency,
		},
		{
			Name: "a blank invoice is refused", Given: histories[StatusReady],
			When: func(o *Order) error { return o.Complete("  ") }, Err: ErrInvoiceBlank,
		},
	})
}

func TestAnOrderAddsUpItsLines(t *testing.T) {
	o := New(aggregatetest.ID)
	require.NoError(t, eventsourcing.Replay(o, histories[StatusCompleted]...))
	require.EqualValues(t, 2*1800+3*950, o.Total())
	require.EqualValues(t, 5, o.Units())
	require.Equal(t, lines, o.Items())
	require.Equal(t, "USD", o.Currency())
	require.Equal(t, "i", o.InvoiceID())
	require.EqualValues(t, 4, o.Version())
}

func TestStoredEventsNeverChange(t *testing.T) {
	aggregatetest.Golden[Event](t, "testdata/events.golden",
		placed, Approved{}, Rejected{Reason: "out of stock"}, Readied{}, Completed{InvoiceID: "i"}, Canceled{Reason: "changed my mind"})
	_, err := decode("Shipped", []byte("{}"))
	require.ErrorContains(t, err, "Shipped")
}
