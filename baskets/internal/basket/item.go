package basket

import (
	"fmt"
	"strings"

	"mallbots/internal/fault"
)

// The limits of a basket. With them no total can overflow: it is a constant
// that would not compile.
const (
	MaxLines    = 200
	MaxQuantity = 10_000            // units of one product, over all its lines
	MaxPrice    = 1_000_000_000_000 // minor units
	MaxPayment  = 200               // characters

	_ int64 = MaxLines * MaxQuantity * MaxPrice
)

// The refusals of a basket.
var (
	ErrStarted        = fault.New(fault.Conflict, "BASKET_STARTED", "the basket has been started already")
	ErrNotOpen        = fault.New(fault.Conflict, "BASKET_NOT_OPEN", "the basket is not open; start another one")
	ErrEmpty          = fault.New(fault.Conflict, "BASKET_EMPTY", "the basket is empty; add an item first")
	ErrFull           = fault.New(fault.Conflict, "BASKET_FULL", "a basket has at most 200 lines; check it out and start another one")
	ErrQuantity       = fault.New(fault.Invalid, "QUANTITY_OUT_OF_RANGE", "a quantity is from 1 to 10000")
	ErrTooMany        = fault.New(fault.Conflict, "BASKET_TOO_MANY_UNITS", "a basket holds at most 10000 units of a product")
	ErrNoSuchItem     = fault.New(fault.NotFound, "BASKET_ITEM_NOT_FOUND", "the product is not in the basket")
	ErrNotSoMany      = fault.New(fault.Conflict, "BASKET_NOT_SO_MANY", "the basket holds fewer units of the product")
	ErrUnknownProduct = fault.New(fault.NotFound, "PRODUCT_NOT_FOUND", "no store is known to sell the product")
	ErrProductRemoved = fault.New(fault.Conflict, "PRODUCT_REMOVED", "the product has been removed from its store")
	ErrStoreClosed    = fault.New(fault.Conflict, "STORE_CLOSED", "the store of the product does not participate in the mall now")
	ErrPriceChanged   = fault.New(fault.Conflict, "PRICE_CHANGED", "prices have risen since the items were added; check out again with acceptPriceChanges to take the current prices")
	ErrPaymentBlank   = fault.New(fault.Invalid, "PAYMENT_ID_BLANK", "the payment's id must not be blank")
	ErrPaymentTooLong = fault.New(fault.Invalid, "PAYMENT_ID_TOO_LONG", "the payment's id has at most 200 characters")
)

// Item is a line of a basket: units of one product at one price.
type Item struct {
	StoreID     string `json:"store_id"`
	StoreName   string `json:"store_name"`
	ProductID   string `json:"product_id"`
	ProductName string `json:"product_name"`
	Price       int64  `json:"price"` // of one, in minor units
	Quantity    int32  `json:"quantity"`
}

// Offer is what is known of a product now. The zero Offer is of a product that
// nobody is known to sell.
type Offer struct {
	StoreID     string
	StoreName   string
	ProductID   string
	ProductName string
	Price       int64 // of one, in minor units
	Open        bool  // the store participates
	Removed     bool  // the product has left the store
}

// check refuses what can not be bought now.
func (o Offer) check() error {
	if o.ProductID == "" {
		return ErrUnknownProduct
	}
	if o.Removed {
		return ErrProductRemoved.With("%s (%s)", o.ProductName, o.ProductID)
	}
	if !o.Open {
		return ErrStoreClosed.With("%s (%s)", o.StoreName, o.StoreID)
	}
	return nil
}

func (o Offer) item(quantity int32) Item {
	return Item{
		StoreID: o.StoreID, StoreName: o.StoreName,
		ProductID: o.ProductID, ProductName: o.ProductName,
		Price: o.Price, Quantity: quantity,
	}
}

// settle returns the lines as they are bought: everything must still be for
// sale, and what was not accepted must not cost more than it did.
func settle(items []Item, acceptPriceChanges bool, offers map[string]Offer) ([]Item, error) {
	var risen []string
	settled := make([]Item, 0, len(items))
	for _, item := range items {
		offer := offers[item.ProductID]
		if err := offer.check(); err != nil {
			return nil, err
		}
		if acceptPriceChanges {
			item.Price = offer.Price
		} else if offer.Price > item.Price {
			risen = append(risen, fmt.Sprintf("%s from %d to %d", item.ProductName, item.Price, offer.Price))
		}
		settled = append(settled, item)
	}
	if len(risen) > 0 {
		return nil, ErrPriceChanged.With("%s", strings.Join(risen, ", "))
	}
	return merge(settled), nil
}

// merge puts lines of one product together that have come to one price.
func merge(items []Item) []Item {
	var b Basket
	for _, item := range items {
		b.put(item)
	}
	return b.items
}

func checkQuantity(quantity int32) error {
	if quantity < 1 || quantity > MaxQuantity {
		return ErrQuantity.In("quantity")
	}
	return nil
}

func total(items []Item) int64 {
	var sum int64
	for _, i := range items {
		sum += i.Price * int64(i.Quantity)
	}
	return sum
}

func units(items []Item) int64 {
	var sum int64
	for _, i := range items {
		sum += int64(i.Quantity)
	}
	return sum
}
