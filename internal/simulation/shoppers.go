package simulation

import (
	"context"
	"fmt"
	"time"

	basketsv1 "mallbots/proto/mallbots/baskets/v1"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
)

const (
	shoppers = 6
	orders   = 4 // each shopper's, if nothing keeps them from it
)

// people are those of a seed.
func (w *World) people() []*actor {
	all := []*actor{w.merchant(1), w.merchant(2), w.storeman(), w.warden()}
	for n := range 2 {
		all = append(all, w.bot(n+1))
	}
	for n := range shoppers {
		all = append(all, w.shopper(n+1))
	}
	return all
}

// shopper registers, and then fills baskets and checks them out.
func (w *World) shopper(n int) *actor {
	p := w.person(fmt.Sprintf("shopper-%d", n), uint64(1000+n))
	return newActor(p.name, func(think think) {
		res, o, on := insist(p, think, "RegisterCustomer", func(ctx context.Context, c *clients) (*orderingv1.RegisterCustomerResponse, error) {
			return c.ordering.RegisterCustomer(ctx, &orderingv1.RegisterCustomerRequest{Name: p.name, SmsNumber: "555-0100"})
		})
		if !on {
			return
		}
		id := res.GetId()
		if o.ok() {
			w.ledger.customers = append(w.ledger.customers, id)
		} else {
			id = "018cc251-f400-7000-8000-000000000000" // nobody
		}
		p.hasty = true
		for made, tries := 0, 0; made < orders && tries < 15*orders; tries++ {
			if !think(p.within(2 * time.Second)) {
				return
			}
			checkedOut, on := p.shop(think, id)
			if !on {
				return
			}
			if checkedOut {
				made++
			}
		}
	})
}

// shop fills one basket, checks it out, and looks after the order for a while.
func (p *person) shop(think think, customer string) (checkedOut, on bool) {
	res, o, on := insist(p, think, "StartBasket", func(ctx context.Context, c *clients) (*basketsv1.StartBasketResponse, error) {
		return c.baskets.StartBasket(ctx, &basketsv1.StartBasketRequest{CustomerId: customer})
	})
	if !on || !o.ok() {
		return false, on
	}
	basket := res.GetId()
	filled := false
	for range 1 + p.dice.IntN(4) {
		if !think(p.within(300 * time.Millisecond)) {
			return false, false
		}
		added, on := p.fill(think, basket)
		if !on {
			return false, false
		}
		filled = filled || added
	}
	if !filled {
		return false, true
	}
	if p.chance(5) {
		_, _, on := insist(p, think, "CancelBasket "+basket, func(ctx context.Context, c *clients) (*basketsv1.CancelBasketResponse, error) {
			return c.baskets.CancelBasket(ctx, &basketsv1.CancelBasketRequest{Id: basket})
		})
		return false, on
	}
	checkout := func(ctx context.Context, c *clients) (*basketsv1.CheckoutBasketResponse, error) {
		return c.baskets.CheckoutBasket(ctx, &basketsv1.CheckoutBasketRequest{Id: basket, PaymentId: "payment", AcceptPriceChanges: true})
	}
	_, o, on = insist(p, think, "CheckoutBasket "+basket, checkout)
	p.w.ledger.checkedOut(basket, o)
	if on && o.ok() && p.chance(30) { // to be sure
		_, again := request(p.w, p.name, "CheckoutBasket again "+basket, fmt.Sprintf("%s-%d", p.name, p.keys), checkout)
		if again.refused != nil {
			p.w.violated("I9: a check-out that was answered is refused when it is repeated: %s: %s", basket, again)
		}
	}
	if !on || !o.ok() {
		return o.unknown, on
	}
	p.remember(basket)
	return true, p.follow(think, basket)
}

// fill puts something into a basket, or takes something out.
func (p *person) fill(think think, basket string) (added, on bool) {
	item := p.pickProduct()
	if item == nil {
		return false, true
	}
	units := int32(1 + p.dice.IntN(4))
	if p.chance(15) {
		_, _, on := insist(p, think, fmt.Sprintf("RemoveItem %s %s %d", basket, item.id, units), func(ctx context.Context, c *clients) (*basketsv1.RemoveItemResponse, error) {
			return c.baskets.RemoveItem(ctx, &basketsv1.RemoveItemRequest{Id: basket, ProductId: item.id, Quantity: units})
		})
		return false, on
	}
	_, o, on := insist(p, think, fmt.Sprintf("AddItem %s %s %d", basket, item.id, units), func(ctx context.Context, c *clients) (*basketsv1.AddItemResponse, error) {
		return c.baskets.AddItem(ctx, &basketsv1.AddItemRequest{Id: basket, ProductId: item.id, Quantity: units})
	})
	return o.ok(), on
}

// remember notes what a basket came to when it was checked out.
func (p *person) remember(basket string) {
	res, o := request(p.w, p.name, "GetBasket "+basket, "", func(ctx context.Context, c *clients) (*basketsv1.GetBasketResponse, error) {
		return c.baskets.GetBasket(ctx, &basketsv1.GetBasketRequest{Id: basket})
	})
	if o.ok() {
		p.w.ledger.totals[basket] = res.GetBasket().GetTotal().GetMinorUnits()
	}
}

// follow looks after an order: cancels it, collects it, or forgets it.
func (p *person) follow(think think, order string) bool {
	switch {
	case p.chance(25):
		if !think(p.within(8 * time.Second)) {
			return false
		}
		_, _, on := insist(p, think, "CancelOrder "+order, func(ctx context.Context, c *clients) (*orderingv1.CancelOrderResponse, error) {
			return c.ordering.CancelOrder(ctx, &orderingv1.CancelOrderRequest{Id: order})
		})
		return on
	case p.chance(50):
		for range 6 {
			if !think(p.within(3 * time.Second)) {
				return false
			}
			if _, o, on := p.collect(think, order); !on || o.ok() {
				return on
			}
		}
	}
	return true
}

// collect completes an order, if it is ready.
func (p *person) collect(think think, order string) (*orderingv1.CompleteOrderResponse, outcome, bool) {
	return insist(p, think, "CompleteOrder "+order, func(ctx context.Context, c *clients) (*orderingv1.CompleteOrderResponse, error) {
		return c.ordering.CompleteOrder(ctx, &orderingv1.CompleteOrderRequest{Id: order, InvoiceId: "invoice"})
	})
}
