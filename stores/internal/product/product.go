// Package product holds the rules of one product on a store's shelf: its
// names, its price, and its end. It does no I/O.
//
// A price is changed in one direction at a time, because who types it says
// which: an increase must raise the price and a decrease lower it, so that a
// slip of the hand is refused instead of sold. A removed product is a
// tombstone: it refuses every change, and its SKU is free again.
package product

import (
	"strings"
	"unicode/utf8"

	"mallbots/internal/eventsourcing"
	"mallbots/internal/fault"
)

// The limits of a product; lengths in characters, the price in minor units.
const (
	MaxName        = 200
	MaxDescription = 2_000
	MaxPrice       = 1_000_000_000_000
)

// The refusals of a product.
var (
	ErrNameBlank          = fault.New(fault.Invalid, "PRODUCT_NAME_BLANK", "the name of a product must not be blank")
	ErrNameTooLong        = fault.New(fault.Invalid, "PRODUCT_NAME_TOO_LONG", "the name of a product has at most 200 characters")
	ErrDescriptionTooLong = fault.New(fault.Invalid, "PRODUCT_DESCRIPTION_TOO_LONG", "the description of a product has at most 2000 characters")
	ErrSKUBlank           = fault.New(fault.Invalid, "PRODUCT_SKU_BLANK", "the SKU of a product must not be blank")
	ErrSKUTooLong         = fault.New(fault.Invalid, "PRODUCT_SKU_TOO_LONG", "the SKU of a product has at most 200 characters")
	ErrSKUTaken           = fault.New(fault.Conflict, "PRODUCT_SKU_TAKEN", "the store has another product with this SKU; remove that one or choose another SKU")
	ErrPriceOutOfRange    = fault.New(fault.Invalid, "PRODUCT_PRICE_OUT_OF_RANGE", "a price is from 0 to 1000000000000 minor units")
	ErrNotAnIncrease      = fault.New(fault.Conflict, "PRODUCT_PRICE_NOT_INCREASED", "an increase must raise the price")
	ErrNotADecrease       = fault.New(fault.Conflict, "PRODUCT_PRICE_NOT_DECREASED", "a decrease must lower the price")
	ErrExists             = fault.New(fault.Conflict, "PRODUCT_EXISTS", "the product has been added already")
	ErrNotAdded           = fault.New(fault.Conflict, "PRODUCT_NOT_ADDED", "the product was never added")
	ErrRemoved            = fault.New(fault.Conflict, "PRODUCT_REMOVED", "the product has been removed from its store and can no longer be changed")
)

// Product is one thing a store sells.
type Product struct {
	eventsourcing.Root[Event]
	storeID     string
	name        string
	description string
	sku         string
	price       int64
	currency    string
	removed     bool
}

// New returns a blank product: nothing has happened to it yet.
func New(id string) *Product {
	p := &Product{}
	p.Root = eventsourcing.NewRoot(id, p.apply, decode)
	return p
}

// Add puts the product on the shelf of the store that a names. That the store
// exists and the SKU is free in it is for the caller to see to.
func (p *Product) Add(a Added) error {
	if p.Version() > 0 {
		return ErrExists
	}
	if err := checkNames(a.Name, a.Description); err != nil {
		return err
	}
	if strings.TrimSpace(a.SKU) == "" {
		return ErrSKUBlank.In("sku")
	}
	if utf8.RuneCountInString(a.SKU) > MaxName {
		return ErrSKUTooLong.In("sku")
	}
	if err := checkPrice(a.Price); err != nil {
		return err
	}
	p.Record(a)
	return nil
}

// Rebrand gives the product another name and description. Those it has
// already change nothing.
func (p *Product) Rebrand(name, description string) error {
	if err := p.checkOnShelf(); err != nil {
		return err
	}
	if err := checkNames(name, description); err != nil {
		return err
	}
	if name != p.name || description != p.description {
		p.Record(Rebranded{Name: name, Description: description})
	}
	return nil
}

// IncreasePrice raises the price to price, in minor units.
func (p *Product) IncreasePrice(price int64) error {
	if err := p.checkOnShelf(); err != nil {
		return err
	}
	if err := checkPrice(price); err != nil {
		return err
	}
	if price <= p.price {
		return ErrNotAnIncrease.With("%d is not above the current %d", price, p.price)
	}
	p.Record(PriceIncreased{Price: price})
	return nil
}

// DecreasePrice lowers the price to price, in minor units.
func (p *Product) DecreasePrice(price int64) error {
	if err := p.checkOnShelf(); err != nil {
		return err
	}
	if err := checkPrice(price); err != nil {
		return err
	}
	if price >= p.price {
		return ErrNotADecrease.With("%d is not below the current %d", price, p.price)
	}
	p.Record(PriceDecreased{Price: price})
	return nil
}

// Remove takes the product off the shelf for good.
func (p *Product) Remove() error {
	if err := p.checkOnShelf(); err != nil {
		return err
	}
	p.Record(Removed{})
	return nil
}

// StoreID is the store that sells the product.
func (p *Product) StoreID() string { return p.storeID }

// Name is what the product is called now.
func (p *Product) Name() string { return p.name }

// Description says more about the product; it may be blank.
func (p *Product) Description() string { return p.description }

// SKU is the store's own code of the product, unique in the store.
func (p *Product) SKU() string { return p.sku }

// Price is what one costs now, in minor units of Currency.
func (p *Product) Price() int64 { return p.price }

// Currency is the code of the price's currency.
func (p *Product) Currency() string { return p.currency }

// Removed reports whether the product has left the shelf.
func (p *Product) Removed() bool { return p.removed }

// apply changes the state. It decides nothing and never fails.
func (p *Product) apply(e Event) {
	switch e := e.(type) {
	case Added:
		p.storeID, p.sku = e.StoreID, e.SKU
		p.name, p.description = e.Name, e.Description
		p.price, p.currency = e.Price, e.Currency
	case Rebranded:
		p.name, p.description = e.Name, e.Description
	case PriceIncreased:
		p.price = e.Price
	case PriceDecreased:
		p.price = e.Price
	case Removed:
		p.removed = true
	}
}

func checkNames(name, description string) error {
	if strings.TrimSpace(name) == "" {
		return ErrNameBlank.In("name")
	}
	if utf8.RuneCountInString(name) > MaxName {
		return ErrNameTooLong.In("name")
	}
	if utf8.RuneCountInString(description) > MaxDescription {
		return ErrDescriptionTooLong.In("description")
	}
	return nil
}

// checkOnShelf refuses what was never added, and what was removed.
func (p *Product) checkOnShelf() error {
	switch {
	case p.Version() == 0:
		return ErrNotAdded
	case p.removed:
		return ErrRemoved
	}
	return nil
}

func checkPrice(price int64) error {
	if price < 0 || price > MaxPrice {
		return ErrPriceOutOfRange.In("price")
	}
	return nil
}
