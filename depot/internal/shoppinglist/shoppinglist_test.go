package shoppinglist

import (
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/eventsourcing"
	"mallbots/internal/eventsourcing/aggregatetest"
)

var (
	goods = []Item{
		{StoreID: "s1", StoreName: "Tea", ProductID: "p1", ProductName: "Chai", Quantity: 2},
		{StoreID: "s2", StoreName: "Cheese", ProductID: "p2", ProductName: "Brie", Quantity: 3},
		{StoreID: "s1", StoreName: "Tea", ProductID: "p3", ProductName: "Oolong", Quantity: 1},
	}
	listed    = Listed{Items: goods}
	assigned  = Assigned{BotID: "r2"}
	completed = Completed{}
)

// histories leads to each state.
var histories = map[Status][]Event{
	StatusNone:      nil,
	StatusAvailable: {listed},
	StatusAssigned:  {listed, assigned},
	StatusCompleted: {listed, assigned, completed},
	StatusCanceled:  {listed, Canceled{Reason: "flood"}},
}

// commands is each command with the event it records in a state.
var commands = map[command]struct {
	run  func(*List) error
	then func(Status) Event
}{
	create:   {func(l *List) error { return l.Create(goods) }, func(Status) Event { return listed }},
	assign:   {func(l *List) error { return l.Assign("c3") }, func(Status) Event { return Assigned{BotID: "c3"} }},
	complete: {(*List).Complete, func(Status) Event { return completed }},
	cancel:   {func(l *List) error { return l.Cancel("flood") }, func(Status) Event { return Canceled{Reason: "flood"} }},
	callOff: {func(l *List) error { return l.CallOff("gone") }, func(s Status) Event {
		return Canceled{Reason: "gone", Picked: s == StatusCompleted}
	}},
}

func TestEveryPairOfStateAndCommandIsInTheTable(t *testing.T) {
	require.Len(t, transitions, len(histories))
	for status, history := range histories {
		require.Len(t, transitions[status], len(commands), "state %s", status)
		for name, c := range commands {
			result, known := transitions[status][name]
			require.True(t, known, "%s is not decided for %s", name, status)
			story := aggregatetest.Case[*List, Event]{
				Name: string(status) + " list is " + string(name), Given: history,
				When: func(l *List) error {
					require.Equal(t, status, l.Status())
					err := c.run(l)
					if err != nil && status != StatusNone {
						require.ErrorContains(t, err, string(status), "the refusal names the state")
					}
					return err
				},
			}
			switch result {
			case accepted:
				story.Then = []Event{c.then(status)}
			case refused:
				story.Err = ErrState
			case absorbed:
			}
			aggregatetest.Run(t, New, []aggregatetest.Case[*List, Event]{story})
		}
	}
}

func TestShoppingList(t *testing.T) {
	create := func(items ...Item) func(*List) error {
		return func(l *List) error { return l.Create(items) }
	}
	assign := func(bot string) func(*List) error {
		return func(l *List) error { return l.Assign(bot) }
	}
	aggregatetest.Run(t, New, []aggregatetest.Case[*List, Event]{
		{Name: "a list of nothing is refused", When: create(), Err: ErrEmpty},
		{Name: "a product is on it once", When: create(goods[0], goods[0]), Err: ErrItem},
		{Name: "none of a product is refused", When: create(Item{StoreID: "s", ProductID: "p"}), Err: ErrItem},
		{Name: "an item without store is refused", When: create(Item{ProductID: "p", Quantity: 1}), Err: ErrItem},
		{Name: "nobody is no bot", Given: histories[StatusAvailable], When: assign(""), Err: ErrBot},
		{Name: "the same bot again changes nothing", Given: histories[StatusAssigned], When: assign("r2")},
	})
}

func TestStopsGroupTheGoodsByStore(t *testing.T) {
	l := New(aggregatetest.ID)
	require.NoError(t, eventsourcing.Replay(l, histories[StatusCompleted]...))
	require.Equal(t, []Stop{
		{StoreID: "s1", StoreName: "Tea", Items: []Item{goods[0], goods[2]}},
		{StoreID: "s2", StoreName: "Cheese", Items: []Item{goods[1]}},
	}, Stops(l.Items()))
	require.Equal(t, "r2", l.BotID(), "a completed list keeps its bot")
}

func TestStoredEventsNeverChange(t *testing.T) {
	aggregatetest.Golden[Event](t, "testdata/events.golden", listed, assigned, completed, Canceled{Reason: "flood", Picked: true})
	_, err := decode("Burnt", []byte("{}"))
	require.ErrorContains(t, err, "Burnt")
}
