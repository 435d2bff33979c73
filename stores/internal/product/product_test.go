package product

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/eventsourcing"
	"mallbots/internal/eventsourcing/aggregatetest"
)

type story = aggregatetest.Case[*Product, Event]

var added = Added{
	StoreID: "01920000-0000-7000-8000-00000000000a",
	Name:    "Chai", Description: "10 boxes x 30 bags", SKU: "1", Price: 1800, Currency: "USD",
}

// but returns added with one thing changed.
func but(change func(*Added)) Added {
	a := added
	change(&a)
	return a
}

func add(a Added) func(*Product) error {
	return func(p *Product) error { return p.Add(a) }
}

func rebrand(name, description string) func(*Product) error {
	return func(p *Product) error { return p.Rebrand(name, description) }
}

func increase(price int64) func(*Product) error {
	return func(p *Product) error { return p.IncreasePrice(price) }
}

func decrease(price int64) func(*Product) error {
	return func(p *Product) error { return p.DecreasePrice(price) }
}

func remove(p *Product) error { return p.Remove() }

func TestAdding(t *testing.T) {
	long := strings.Repeat("ü", MaxName)
	plain := but(func(a *Added) { a.Description = ""; a.Price = 0; a.Name = long; a.SKU = long })
	dear := but(func(a *Added) { a.Price = MaxPrice; a.Description = strings.Repeat("ü", MaxDescription) })
	aggregatetest.Run(t, New, []story{
		{Name: "a product is added", When: add(added), Then: []Event{added}},
		{Name: "a product may be free and without words", When: add(plain), Then: []Event{plain}},
		{Name: "a product may be very dear", When: add(dear), Then: []Event{dear}},
		{Name: "a product is added once", Given: []Event{added}, When: add(added), Err: ErrExists},
		{Name: "a product has a name", When: add(but(func(a *Added) { a.Name = " " })), Err: ErrNameBlank},
		{Name: "a name is not too long", When: add(but(func(a *Added) { a.Name = long + "ü" })), Err: ErrNameTooLong},
		{Name: "a description is not too long", When: add(but(func(a *Added) { a.Description = dear.Description + "ü" })), Err: ErrDescriptionTooLong},
		{Name: "a product has a SKU", When: add(but(func(a *Added) { a.SKU = "\t" })), Err: ErrSKUBlank},
		{Name: "a SKU is not too long", When: add(but(func(a *Added) { a.SKU = long + "ü" })), Err: ErrSKUTooLong},
		{Name: "a price is not below zero", When: add(but(func(a *Added) { a.Price = -1 })), Err: ErrPriceOutOfRange},
		{Name: "a price has a limit", When: add(but(func(a *Added) { a.Price = MaxPrice + 1 })), Err: ErrPriceOutOfRange},
	})
}

func TestChanging(t *testing.T) {
	given := []Event{added}
	aggregatetest.Run(t, New, []story{
		{
			Name: "a product is rebranded", Given: given, When: rebrand("Tea", ""),
			Then: []Event{Rebranded{Name: "Tea"}},
		},
		{Name: "the words it has change nothing", Given: given, When: rebrand(added.Name, added.Description)},
		{
			Name: "a description alone may change", Given: given, When: rebrand(added.Name, "strong"),
			Then: []Event{Rebranded{Name: added.Name, Description: "strong"}},
		},
		{Name: "a rebranded product has a name", Given: given, When: rebrand("", "strong"), Err: ErrNameBlank},
		{Name: "a new name is not too long", Given: given, When: rebrand(strings.Repeat("x", MaxName+1), ""), Err: ErrNameTooLong},
		{Name: "a new description is not too long", Given: given, When: rebrand("Tea", strings.Repeat("x", MaxDescription+1)), Err: ErrDescriptionTooLong},

		{Name: "an increase raises the price", Given: given, When: increase(1801), Then: []Event{PriceIncreased{Price: 1801}}},
		{Name: "an increase to the same price is none", Given: given, When: increase(1800), Err: ErrNotAnIncrease},
		{Name: "an increase does not lower", Given: given, When: increase(1799), Err: ErrNotAnIncrease},
		{Name: "an increase is not below zero", Given: given, When: increase(-1), Err: ErrPriceOutOfRange},
		{Name: "an increase has a limit", Given: given, When: increase(MaxPrice + 1), Err: ErrPriceOutOfRange},
		{Name: "an increase reaches the limit", Given: given, When: increase(MaxPrice), Then: []Event{PriceIncreased{Price: MaxPrice}}},

		{Name: "a decrease lowers the price", Given: given, When: decrease(1799), Then: []Event{PriceDecreased{Price: 1799}}},
		{Name: "a decrease may make it free", Given: given, When: decrease(0), Then: []Event{PriceDecreased{Price: 0}}},
		{Name: "a decrease to the same price is none", Given: given, When: decrease(1800), Err: ErrNotADecrease},
		{Name: "a decrease does not raise", Given: given, When: decrease(1801), Err: ErrNotADecrease},
		{Name: "a decrease is not below zero", Given: given, When: decrease(-1), Err: ErrPriceOutOfRange},
		{
			Name: "a price is compared with the newest one", Given: []Event{added, PriceIncreased{Price: 2000}, PriceDecreased{Price: 1900}},
			When: increase(1900), Err: ErrNotAnIncrease,
		},

		{Name: "a product is removed", Given: given, When: remove, Then: []Event{Removed{}}},
	})
}

// TestEveryCommandInEveryState is the whole table: what a product answers to
// each command before it is added, on the shelf, and after it was removed.
func TestEveryCommandInEveryState(t *testing.T) {
	commands := map[string]struct {
		do      func(*Product) error
		onShelf error
	}{
		"Add":           {add(added), ErrExists},
		"Rebrand":       {rebrand("Tea", ""), nil},
		"IncreasePrice": {increase(1900), nil},
		"DecreasePrice": {decrease(1700), nil},
		"Remove":        {remove, nil},
	}
	for name, c := range commands {
		t.Run(name+" on the shelf", func(t *testing.T) {
			p := New(aggregatetest.ID)
			require.NoError(t, eventsourcing.Replay[Event](p, added))
			require.ErrorIs(t, c.do(p), c.onShelf)
		})
		t.Run(name+" after removal", func(t *testing.T) {
			p := New(aggregatetest.ID)
			require.NoError(t, eventsourcing.Replay[Event](p, added, Removed{}))
			want := ErrRemoved
			if name == "Add" {
				want = ErrExists
			}
			require.ErrorIs(t, c.do(p), want)
			require.Empty(t, eventsourcing.Recorded(p))
		})
	}
}

func TestStoredEventsNeverChange(t *testing.T) {
	aggregatetest.Golden(t, "testdata/events.golden",
		[]Event{
			added,
			Rebranded{Name: "Tea", Description: "strong"},
			PriceIncreased{Price: 2000},
			PriceDecreased{Price: 1900},
			Removed{},
		}...)
}
