package basket

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/eventsourcing"
	"mallbots/internal/eventsourcing/aggregatetest"
)

type story = aggregatetest.Case[*Basket, Event]

var (
	started  = Started{CustomerID: "ada", Currency: "USD"}
	checked  = CheckedOut{PaymentID: "p1", Items: []Item{chai.item(2)}, Total: 3600}
	chai     = Offer{StoreID: "s1", StoreName: "Exotic Liquids", ProductID: "chai", ProductName: "Chai", Price: 1800, Open: true}
	ikura    = Offer{StoreID: "s4", StoreName: "Tokyo Traders", ProductID: "ikura", ProductName: "Ikura", Price: 3100, Open: true}
	withChai = []Event{started, ItemAdded{chai.item(2)}}
)

// at returns an offer at another price.
func at(o Offer, price int64) Offer {
	o.Price = price
	return o
}

func removed(o Offer) Offer {
	o.Removed = true
	return o
}

func closed(o Offer) Offer {
	o.Open = false
	return o
}

func offers(os ...Offer) map[string]Offer {
	m := map[string]Offer{}
	for _, o := range os {
		m[o.ProductID] = o
	}
	return m
}

func addItem(o Offer, quantity int32) func(*Basket) error {
	return func(b *Basket) error { return b.AddItem(o, quantity) }
}

func removeItem(productID string, quantity int32) func(*Basket) error {
	return func(b *Basket) error { return b.RemoveItem(productID, quantity) }
}

func checkOut(accept bool, os ...Offer) func(*Basket) error {
	return func(b *Basket) error { return b.CheckOut("p1", accept, offers(os...)) }
}

func cancel(b *Basket) error { return b.Cancel() }

func TestFillingABasket(t *testing.T) {
	aggregatetest.Run(t, New, []story{
		{Name: "a basket is started", When: func(b *Basket) error { return b.Start("ada", "USD") }, Then: []Event{started}},
		{Name: "an item is added at its price", Given: []Event{started}, When: addItem(chai, 2), Then: []Event{ItemAdded{chai.item(2)}}},
		{Name: "an item may be free", Given: []Event{started}, When: addItem(at(chai, 0), 1), Then: []Event{ItemAdded{at(chai, 0).item(1)}}},
		{Name: "no units are none", Given: []Event{started}, When: addItem(chai, 0), Err: ErrQuantity},
		{Name: "units are not below zero", Given: []Event{started}, When: addItem(chai, -1), Err: ErrQuantity},
		{Name: "ten thousand units are the most", Given: []Event{started}, When: addItem(chai, MaxQuantity), Then: []Event{ItemAdded{chai.item(MaxQuantity)}}},
		{Name: "more are too many", Given: []Event{started}, When: addItem(chai, MaxQuantity+1), Err: ErrQuantity},
		{Name: "more are too many in two steps as well", Given: withChai, When: addItem(chai, MaxQuantity-1), Err: ErrTooMany},
		{Name: "and at another price", Given: withChai, When: addItem(at(chai, 1), MaxQuantity-1), Err: ErrTooMany},
		{Name: "a product nobody sells", Given: []Event{started}, When: addItem(Offer{}, 1), Err: ErrUnknownProduct},
		{Name: "a product that was removed", Given: []Event{started}, When: addItem(removed(chai), 1), Err: ErrProductRemoved},
		{Name: "a product of a closed store", Given: []Event{started}, When: addItem(closed(chai), 1), Err: ErrStoreClosed},

		{Name: "some units are taken out", Given: withChai, When: removeItem("chai", 1), Then: []Event{ItemRemoved{"chai", 1}}},
		{Name: "all units are taken out", Given: withChai, When: removeItem("chai", 2), Then: []Event{ItemRemoved{"chai", 2}}},
		{Name: "not more than there are", Given: withChai, When: removeItem("chai", 3), Err: ErrNotSoMany},
		{Name: "not what is not in it", Given: withChai, When: removeItem("ikura", 1), Err: ErrNoSuchItem},
		{Name: "not what is no longer in it", Given: append(withChai, ItemRemoved{"chai", 2}), When: removeItem("chai", 1), Err: ErrNoSuchItem},
		{Name: "not zero", Given: withChai, When: removeItem("chai", 0), Err: ErrQuantity},
		{Name: "not less", Given: withChai, When: removeItem("chai", -1), Err: ErrQuantity},

		{Name: "a basket is canceled", Given: withChai, When: cancel, Then: []Event{Canceled{}}},
		{Name: "an empty one too", Given: []Event{started}, When: cancel, Then: []Event{Canceled{}}},
	})
}

func TestCheckingOut(t *testing.T) {
	bought := func(total int64, items ...Item) []Event {
		return []Event{CheckedOut{PaymentID: "p1", Items: items, Total: total}}
	}
	pay := func(id string) func(*Basket) error {
		return func(b *Basket) error { return b.CheckOut(id, false, offers(chai)) }
	}
	twoPrices := append(withChai, ItemAdded{at(chai, 2000).item(1)})
	aggregatetest.Run(t, New, []story{
		{Name: "at the prices of adding", Given: append(withChai, ItemAdded{ikura.item(1)}), When: checkOut(false, chai, ikura), Then: bought(6700, chai.item(2), ikura.item(1))},
		{Name: "not when it is empty", Given: []Event{started}, When: checkOut(false), Err: ErrEmpty},
		{Name: "not when it was emptied", Given: append(withChai, ItemRemoved{"chai", 2}), When: checkOut(false, chai), Err: ErrEmpty},
		{Name: "not without a payment", Given: withChai, When: pay(" "), Err: ErrPaymentBlank},
		{Name: "not with a payment's id without end", Given: withChai, When: pay(strings.Repeat("p", MaxPayment+1)), Err: ErrPaymentTooLong},

		{Name: "a risen price is refused", Given: withChai, When: checkOut(false, at(chai, 1801)), Err: ErrPriceChanged},
		{Name: "unless it is accepted", Given: withChai, When: checkOut(true, at(chai, 1801)), Then: bought(3602, at(chai, 1801).item(2))},
		{Name: "a fallen price is not taken", Given: withChai, When: checkOut(false, at(chai, 1700)), Then: bought(3600, chai.item(2))},
		{Name: "unless it is accepted too", Given: withChai, When: checkOut(true, at(chai, 1700)), Then: bought(3400, at(chai, 1700).item(2))},
		{Name: "accepting what did not change changes nothing", Given: withChai, When: checkOut(true, chai), Then: bought(3600, chai.item(2))},
		{Name: "one that rose is enough", Given: append(withChai, ItemAdded{ikura.item(1)}), When: checkOut(false, at(chai, 1), at(ikura, 3101)), Err: ErrPriceChanged},

		{Name: "two prices stand as they were", Given: twoPrices, When: checkOut(false, at(chai, 1800)), Then: bought(5600, chai.item(2), at(chai, 2000).item(1))},
		{Name: "two prices, one of which rose", Given: twoPrices, When: checkOut(false, at(chai, 1900)), Err: ErrPriceChanged},
		{Name: "two prices become one when accepted", Given: twoPrices, When: checkOut(true, at(chai, 1900)), Then: bought(5700, at(chai, 1900).item(3))},

		{Name: "not from a closed store", Given: withChai, When: checkOut(false, closed(chai)), Err: ErrStoreClosed},
		{Name: "not what was removed", Given: withChai, When: checkOut(true, removed(chai)), Err: ErrProductRemoved},
		{Name: "not what nobody sells", Given: withChai, When: checkOut(true), Err: ErrUnknownProduct},
		{Name: "what was taken out is not asked about", Given: append(withChai, ItemAdded{ikura.item(1)}, ItemRemoved{"chai", 2}), When: checkOut(false, removed(chai), ikura), Then: bought(3100, ikura.item(1))},
	})
}

// TestEveryCommandInEveryState is the whole table: only an open basket can be
// changed, and a refusal names the state.
func TestEveryCommandInEveryState(t *testing.T) {
	states := map[Status][]Event{
		StatusBlank:      nil,
		StatusOpen:       withChai,
		StatusCheckedOut: append(withChai, checked),
		StatusCanceled:   append(withChai, Canceled{}),
	}
	commands := map[string]func(*Basket) error{
		"AddItem":    addItem(chai, 1),
		"RemoveItem": removeItem("chai", 1),
		"CheckOut":   checkOut(false, chai),
		"Cancel":     cancel,
	}
	for status, given := range states {
		load := func(t *testing.T) *Basket {
			b := New(aggregatetest.ID)
			require.NoError(t, eventsourcing.Replay(b, given...))
			require.Equal(t, status, b.Status())
			return b
		}
		for name, command := range commands {
			t.Run(fmt.Sprintf("%s when %s", name, status), func(t *testing.T) {
				b := load(t)
				err := command(b)
				if status == StatusOpen {
					require.NoError(t, err)
					return
				}
				require.ErrorIs(t, err, ErrNotOpen)
				require.ErrorContains(t, err, status.String())
				require.Empty(t, eventsourcing.Recorded(b))
			})
		}
		t.Run(fmt.Sprintf("Start when %s", status), func(t *testing.T) {
			err := load(t).Start("ada", "USD")
			if status == StatusBlank {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, ErrStarted)
		})
	}
}

func TestUnitsShareALineWhenTheyShareAPrice(t *testing.T) {
	b := New(aggregatetest.ID)
	require.NoError(t, b.Start("ada", "USD"))
	require.NoError(t, b.AddItem(chai, 1))
	require.NoError(t, b.AddItem(at(chai, 2000), 2))
	require.NoError(t, b.AddItem(chai, 4))
	require.Equal(t, []Item{chai.item(5), at(chai, 2000).item(2)}, b.Items())
	require.Equal(t, []string{"chai"}, b.ProductIDs())
	require.EqualValues(t, 13_000, b.Total())
	require.EqualValues(t, 7, b.Units())

	require.NoError(t, b.RemoveItem("chai", 3), "those added at the last price first")
	require.Equal(t, []Item{chai.item(4)}, b.Items())
	require.NoError(t, b.RemoveItem("chai", 4))
	require.Empty(t, b.Items())
	require.Zero(t, b.Total())
}

func TestABasketIsFullAtTwoHundredLines(t *testing.T) {
	b := New(aggregatetest.ID)
	require.NoError(t, b.Start("ada", "USD"))
	for n := range MaxLines {
		o := chai
		o.ProductID, o.Price = fmt.Sprintf("product %d", n), MaxPrice
		require.NoError(t, b.AddItem(o, MaxQuantity))
	}
	require.ErrorIs(t, b.AddItem(ikura, 1), ErrFull)

	require.EqualValues(t, int64(MaxLines)*MaxQuantity*MaxPrice, b.Total(), "the largest total is exact")
	o := chai
	o.ProductID, o.Price = "product 7", MaxPrice
	require.NoError(t, b.RemoveItem("product 7", 1))
	require.NoError(t, b.AddItem(o, 1), "a line that is there can still grow")
	require.ErrorIs(t, b.AddItem(at(o, 1), 1), ErrTooMany)
	require.NoError(t, b.RemoveItem("product 7", 1))
	require.ErrorIs(t, b.AddItem(at(o, 1), 1), ErrFull, "another price is another line")
}

func TestStoredEventsNeverChange(t *testing.T) {
	aggregatetest.Golden(t, "testdata/events.golden",
		[]Event{started, ItemAdded{chai.item(2)}, ItemRemoved{"chai", 1}, checked, Canceled{}}...)
}
