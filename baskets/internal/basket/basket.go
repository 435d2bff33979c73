// Package basket holds the rules of one customer's basket: what may be put
// in, at which price, and when it may be checked out. It does no I/O: what the
// stores say now comes in as an Offer.
//
// The price of a unit is the one at the moment of adding it. Units of the same
// product added at the same price share a line; those added at another price
// have a line of their own, so that no unit ever changes its price behind the
// customer's back. A check-out compares each line with the price of now:
//
//   - risen: refused, unless the customer accepts price changes;
//   - fallen: the price at adding stands, unless the customer accepts;
//   - accepted: every line takes the price of now.
package basket

import (
	"strings"
	"unicode/utf8"

	"mallbots/internal/eventsourcing"
)

// Basket is what one customer means to buy.
type Basket struct {
	eventsourcing.Root[Event]
	customerID string
	currency   string
	paymentID  string
	agreed     int64
	items      []Item
	status     Status
}

// New returns a blank basket: nothing has happened to it yet.
func New(id string) *Basket {
	b := &Basket{}
	b.Root = eventsourcing.NewRoot(id, b.apply, decode)
	return b
}

// Start hands the basket to a customer. All its prices are in currency.
func (b *Basket) Start(customerID, currency string) error {
	if b.status != StatusBlank {
		return ErrStarted
	}
	b.Record(Started{CustomerID: customerID, Currency: currency})
	return nil
}

// AddItem puts quantity units of what is offered into the basket, at the
// offer's price.
func (b *Basket) AddItem(offer Offer, quantity int32) error {
	if err := b.checkOpen(); err != nil {
		return err
	}
	if err := checkQuantity(quantity); err != nil {
		return err
	}
	if err := offer.check(); err != nil {
		return err
	}
	if has := b.quantity(offer.ProductID); has+int64(quantity) > MaxQuantity {
		return ErrTooMany.With("%d of %s are in it", has, offer.ProductName)
	}
	item := offer.item(quantity)
	if len(b.items) >= MaxLines && b.line(item) < 0 {
		return ErrFull
	}
	b.Record(ItemAdded{Item: item})
	return nil
}

// RemoveItem takes quantity units of a product out again, those added last
// first. It asks nobody whether the product is still sold.
func (b *Basket) RemoveItem(productID string, quantity int32) error {
	if err := b.checkOpen(); err != nil {
		return err
	}
	if err := checkQuantity(quantity); err != nil {
		return err
	}
	has := b.quantity(productID)
	if has == 0 {
		return ErrNoSuchItem.With("%s", productID)
	}
	if int64(quantity) > has {
		return ErrNotSoMany.With("%d of %s are in it, not %d", has, productID, quantity)
	}
	b.Record(ItemRemoved{ProductID: productID, Quantity: quantity})
	return nil
}

// CheckOut closes the basket and hands it over to be ordered. Offers are the
// offers of now by product id; one that is missing is of a product nobody sells.
func (b *Basket) CheckOut(paymentID string, acceptPriceChanges bool, offers map[string]Offer) error {
	if err := b.checkOpen(); err != nil {
		return err
	}
	if strings.TrimSpace(paymentID) == "" {
		return ErrPaymentBlank.In("paymentId")
	}
	if utf8.RuneCountInString(paymentID) > MaxPayment {
		return ErrPaymentTooLong.In("paymentId")
	}
	if len(b.items) == 0 {
		return ErrEmpty
	}
	items, err := settle(b.items, acceptPriceChanges, offers)
	if err != nil {
		return err
	}
	b.Record(CheckedOut{PaymentID: paymentID, Items: items, Total: total(items)})
	return nil
}

// Cancel throws the basket away.
func (b *Basket) Cancel() error {
	if err := b.checkOpen(); err != nil {
		return err
	}
	b.Record(Canceled{})
	return nil
}

// CustomerID is whose basket it is.
func (b *Basket) CustomerID() string { return b.customerID }

// Currency is the code of the currency of every price in the basket.
func (b *Basket) Currency() string { return b.currency }

// PaymentID is what a basket that was checked out is paid with.
func (b *Basket) PaymentID() string { return b.paymentID }

// Status is where the basket is in its life.
func (b *Basket) Status() Status { return b.status }

// Items are the lines of the basket, in the order they came in. The caller
// must not change them.
func (b *Basket) Items() []Item { return b.items }

// Total is what all lines cost together, in minor units.
func (b *Basket) Total() int64 { return total(b.items) }

// Agreed is the total that was agreed at the check-out, in minor units; zero
// before.
func (b *Basket) Agreed() int64 { return b.agreed }

// Units is how many things are in the basket.
func (b *Basket) Units() int64 { return units(b.items) }

// ProductIDs are the products in the basket, each once.
func (b *Basket) ProductIDs() []string {
	var ids []string
	seen := map[string]bool{}
	for _, i := range b.items {
		if !seen[i.ProductID] {
			seen[i.ProductID] = true
			ids = append(ids, i.ProductID)
		}
	}
	return ids
}

func (b *Basket) checkOpen() error {
	if b.status != StatusOpen {
		return ErrNotOpen.With("it is %s", b.status)
	}
	return nil
}

// quantity is how many units of a product are in the basket, over all lines.
func (b *Basket) quantity(productID string) int64 {
	var n int64
	for _, i := range b.items {
		if i.ProductID == productID {
			n += int64(i.Quantity)
		}
	}
	return n
}

// line is the index of the line that item's units join, or -1.
func (b *Basket) line(item Item) int {
	for n, i := range b.items {
		if i.ProductID == item.ProductID && i.Price == item.Price {
			return n
		}
	}
	return -1
}

// apply changes the state. It decides nothing and never fails.
func (b *Basket) apply(e Event) {
	switch e := e.(type) {
	case Started:
		b.customerID, b.currency, b.status = e.CustomerID, e.Currency, StatusOpen
	case ItemAdded:
		b.put(e.Item)
	case ItemRemoved:
		b.take(e.ProductID, e.Quantity)
	case CheckedOut:
		b.paymentID, b.agreed = e.PaymentID, e.Total
		b.items, b.status = e.Items, StatusCheckedOut
	case Canceled:
		b.status = StatusCanceled
	}
}

// put adds the units of item to their line, which takes its newest names.
func (b *Basket) put(item Item) {
	n := b.line(item)
	if n < 0 {
		b.items = append(b.items, item)
		return
	}
	item.Quantity += b.items[n].Quantity
	b.items[n] = item
}

// take takes quantity units of a product out, from its last line on backwards.
func (b *Basket) take(productID string, quantity int32) {
	for n := len(b.items) - 1; n >= 0 && quantity > 0; n-- {
		if b.items[n].ProductID != productID {
			continue
		}
		taken := min(quantity, b.items[n].Quantity)
		quantity -= taken
		b.items[n].Quantity -= taken
		if b.items[n].Quantity == 0 {
			b.items = append(b.items[:n], b.items[n+1:]...)
		}
	}
}
