// Package order holds the rules of an order: what a customer has bought, and
// how far it is on its way to being collected.
//
// An order is placed by the check-out of a basket, and its id is that basket's
// id. It waits (PENDING) until the depot has reserved the goods, is APPROVED or
// REJECTED then, READY when the goods are picked, and COMPLETED when they are
// collected. Until it is READY it can be CANCELED. What each command does in
// each state is one table: see transitions.go.
package order

import (
	"math"
	"strings"

	"mallbots/internal/eventsourcing"
	"mallbots/internal/fault"
)

// Why an order is refused.
var (
	ErrEmpty        = fault.New(fault.Invalid, "ORDER_EMPTY", "an order needs at least one line")
	ErrLine         = fault.New(fault.Invalid, "ORDER_LINE_INVALID", "a line needs a product, a store, a quantity of at least 1 and a price of at least 0")
	ErrTotal        = fault.New(fault.Invalid, "ORDER_TOTAL_OVERFLOW", "the order's total is more than can be counted")
	ErrCurrency     = fault.New(fault.Invalid, "ORDER_CURRENCY_MISSING", "an order needs a currency")
	ErrInvoiceBlank = fault.New(fault.Invalid, "INVOICE_ID_BLANK", "completing an order needs the id of its invoice")
)

// Item is one line: so many units of a product at the price of the check-out.
type Item struct {
	StoreID     string `json:"store_id"`
	ProductID   string `json:"product_id"`
	StoreName   string `json:"store_name"`
	ProductName string `json:"product_name"`
	Price       int64  `json:"price"` // minor units, for one
	Quantity    int64  `json:"quantity"`
}

// Order is what one customer bought with one basket.
type Order struct {
	eventsourcing.Root[Event]
	status     Status
	customerID string
	paymentID  string
	currency   string
	items      []Item
	total      int64
	units      int64
	reason     string
	invoiceID  string
}

// New returns a blank order.
func New(id string) *Order {
	o := &Order{}
	o.Root = eventsourcing.NewRoot(id, o.apply, decode)
	return o
}

// Place makes the order of a checked-out basket. The prices are those that
// were agreed at the check-out, in minor units of currency.
func (o *Order) Place(customerID, paymentID, currency string, items []Item) error {
	if err := o.permit(place); err != nil {
		return err
	}
	if currency == "" {
		return ErrCurrency
	}
	if _, _, err := sum(items); err != nil {
		return err
	}
	o.Record(Placed{CustomerID: customerID, PaymentID: paymentID, Currency: currency, Items: items})
	return nil
}

// Approve says that the goods are reserved.
func (o *Order) Approve() error {
	if err := o.permit(approve); err != nil {
		return err
	}
	o.Record(Approved{})
	return nil
}

// Reject ends an order that cannot be fulfilled, and says why.
func (o *Order) Reject(reason string) error {
	if err := o.permit(reject); err != nil {
		return err
	}
	o.Record(Rejected{Reason: reason})
	return nil
}

// Ready says that the goods are picked and can be collected.
func (o *Order) Ready() error {
	if err := o.permit(ready); err != nil {
		return err
	}
	o.Record(Readied{})
	return nil
}

// Complete says that the goods are collected and invoiced.
func (o *Order) Complete(invoiceID string) error {
	if strings.TrimSpace(invoiceID) == "" {
		return ErrInvoiceBlank
	}
	if err := o.permit(complete); err != nil {
		return err
	}
	o.Record(Completed{InvoiceID: invoiceID})
	return nil
}

// Cancel ends an order that nobody wants any more, and says why.
func (o *Order) Cancel(reason string) error {
	if err := o.permit(cancel); err != nil {
		return err
	}
	o.Record(Canceled{Reason: reason})
	return nil
}

// Status is how far the order is.
func (o *Order) Status() Status { return o.status }

// CustomerID is who bought.
func (o *Order) CustomerID() string { return o.customerID }

// PaymentID is how it is paid.
func (o *Order) PaymentID() string { return o.paymentID }

// InvoiceID is what it was collected with; empty until then.
func (o *Order) InvoiceID() string { return o.invoiceID }

// Currency is the ISO 4217 code of all its amounts.
func (o *Order) Currency() string { return o.currency }

// Items are its lines, in the order of the basket.
func (o *Order) Items() []Item { return o.items }

// Total is what all lines cost, in minor units.
func (o *Order) Total() int64 { return o.total }

// Units is how many goods it is about: the sum of the lines' quantities.
func (o *Order) Units() int64 { return o.units }

// Reason says why it was rejected or cancelled; empty otherwise.
func (o *Order) Reason() string { return o.reason }

// sum adds up lines, and refuses lines that make no sense.
func sum(items []Item) (total, units int64, err error) {
	if len(items) == 0 {
		return 0, 0, ErrEmpty
	}
	for i, item := range items {
		if item.ProductID == "" || item.StoreID == "" || item.Quantity < 1 || item.Price < 0 {
			return 0, 0, ErrLine.With("line %d", i+1)
		}
		if item.Quantity > math.MaxInt64-units || item.Price > (math.MaxInt64-total)/item.Quantity {
			return 0, 0, ErrTotal.With("line %d", i+1)
		}
		units += item.Quantity
		total += item.Quantity * item.Price
	}
	return total, units, nil
}

// apply changes the state. It decides nothing and never fails.
func (o *Order) apply(e Event) {
	switch e := e.(type) {
	case Placed:
		o.status = StatusPending
		o.customerID, o.paymentID, o.currency, o.items = e.CustomerID, e.PaymentID, e.Currency, e.Items
		for _, item := range e.Items {
			o.units += item.Quantity
			o.total += item.Quantity * item.Price
		}
	case Approved:
		o.status = StatusApproved
	case Rejected:
		o.status, o.reason = StatusRejected, e.Reason
	case Readied:
		o.status = StatusReady
	case Completed:
		o.status, o.invoiceID = StatusCompleted, e.InvoiceID
	case Canceled:
		o.status, o.reason = StatusCanceled, e.Reason
	}
}
