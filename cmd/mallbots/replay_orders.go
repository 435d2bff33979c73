package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"mallbots/internal/client"
	basketsv1 "mallbots/proto/mallbots/baskets/v1"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

// decisions counts what became of the orders of this run.
type decisions struct{ approved, rejected atomic.Int64 }

// checkedOut is an order on its way to the pickers.
type checkedOut struct {
	*historicOrder
	orderID, position string
}

// takeOrders fills and checks out the baskets strictly one after the other,
// while pickers follow the orders they become to their end.
func (r *replay) takeOrders(ctx context.Context) error {
	r.progress.describe("orders")
	bots, err := r.mall.bots.Enlist(ctx, "replay", max(r.Pickers, 1))
	if err != nil {
		return err
	}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	queue := make(chan checkedOut, len(r.history.orders))
	var pickers sync.WaitGroup
	for _, bot := range bots {
		pickers.Go(func() {
			for o := range queue {
				if err := r.follow(ctx, o, bot); err != nil {
					fail(fmt.Errorf("%s: order %s: %w", o.where, o.id, err))
					return
				}
				r.progress.step()
			}
		})
	}
	empty := make(chan string, basketsAhead)
	pickers.Go(func() {
		defer close(empty)
		if err := r.startBaskets(ctx, empty); err != nil {
			fail(err)
		}
	})
	for _, o := range r.history.orders {
		taken, err := r.take(ctx, o, empty)
		if err != nil {
			fail(fmt.Errorf("%s: order %s: %w", o.where, o.id, err))
			break
		}
		queue <- taken
		r.progress.step()
	}
	close(queue)
	pickers.Wait()
	return context.Cause(ctx)
}

// basketsAhead is how many empty baskets wait to be filled.
const basketsAhead = 8

// startBaskets starts a basket for each order in turn. Nothing is in them yet,
// so they need not wait for the orders before.
func (r *replay) startBaskets(ctx context.Context, empty chan<- string) error {
	for _, o := range r.history.orders {
		basket, _, err := tell(ctx, r.mall, r.mall.baskets.StartBasket, &basketsv1.StartBasketRequest{CustomerId: r.customers[o.customerID]})
		if err != nil {
			return fmt.Errorf("%s: order %s: start a basket: %w", o.where, o.id, err)
		}
		select {
		case empty <- basket.GetId():
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// take reprices what has another price than before, fills the next of the empty
// baskets and checks it out.
func (r *replay) take(ctx context.Context, o *historicOrder, empty <-chan string) (taken checkedOut, err error) {
	for _, l := range o.lines {
		if err := r.reprice(ctx, r.products[l.productID], l.price); err != nil {
			return taken, err
		}
	}
	m := r.mall
	basketID, ok := <-empty
	if !ok {
		return taken, context.Cause(ctx)
	}
	for _, l := range o.lines {
		p := r.products[l.productID]
		item := &basketsv1.AddItemRequest{Id: basketID, ProductId: p.id, Quantity: l.quantity}
		if _, _, err := tell(ctx, m, m.baskets.AddItem, item, p.positions...); err != nil {
			return taken, fmt.Errorf("add product %s: %w", l.productID, err)
		}
		p.positions = nil // baskets has heard of it, and won't forget
	}
	checkout := &basketsv1.CheckoutBasketRequest{Id: basketID, PaymentId: "payment-" + o.id}
	res, position, err := tell(ctx, m, m.baskets.CheckoutBasket, checkout)
	if err != nil {
		return taken, fmt.Errorf("check out: %w", err)
	}
	if r.InOrder {
		if _, err := m.awaitOrder(ctx, res.GetOrderId(), decided, position); err != nil {
			return taken, err
		}
	}
	return checkedOut{historicOrder: o, orderID: res.GetOrderId(), position: position}, nil
}

// reprice sets a product's price, and remembers what baskets must hear first.
func (r *replay) reprice(ctx context.Context, p *onSale, price int64) (err error) {
	var position string
	switch {
	case price > p.price:
		_, position, err = tell(ctx, r.mall, r.mall.stores.IncreaseProductPrice, &storesv1.IncreaseProductPriceRequest{Id: p.id, Price: r.amount(price)})
	case price < p.price:
		_, position, err = tell(ctx, r.mall, r.mall.stores.DecreaseProductPrice, &storesv1.DecreaseProductPriceRequest{Id: p.id, Price: r.amount(price)})
	default:
		return nil
	}
	if err != nil {
		return fmt.Errorf("reprice product %s: %w", p.id, err)
	}
	p.price = price
	p.positions = append(p.positions, position)
	return nil
}

// follow waits for the depot's answer to an order, has it picked, and collects it.
func (r *replay) follow(ctx context.Context, o checkedOut, bot string) error {
	m := r.mall
	order, err := m.awaitOrder(ctx, o.orderID, decided, o.position)
	if err != nil {
		return err
	}
	was, err := m.wasApproved(ctx, order)
	switch {
	case err != nil:
		return err
	case was:
		r.decisions.approved.Add(1)
	case order.GetStatus() == rejected:
		r.decisions.rejected.Add(1)
	}
	if order.GetStatus() == approved {
		position, err := m.bots.Pick(ctx, o.orderID, bot)
		if err != nil {
			return err
		}
		if order, err = m.awaitOrder(ctx, o.orderID, picked, position); err != nil {
			return err
		}
	}
	if order.GetStatus() != ready {
		return nil
	}
	_, _, err = tell(ctx, m, m.ordering.CompleteOrder, &orderingv1.CompleteOrderRequest{Id: o.orderID, InvoiceId: "invoice-" + o.id})
	if client.Refused(err) {
		return nil // somebody else has collected it
	}
	return err
}

// sum asks the mall for the orders of this run's customers, who have no others.
func (r *replay) sum(ctx context.Context) (summary, error) {
	s := summary{
		Stores: len(r.stores), Products: len(r.products), Customers: len(r.customers),
		Approved: int(r.decisions.approved.Load()), Rejected: int(r.decisions.rejected.Load()),
		Total: money{CurrencyCode: r.Currency},
	}
	for _, id := range r.customers {
		for req := (&orderingv1.ListOrdersRequest{CustomerId: id, PageSize: 100}); ; {
			page, err := ask(ctx, r.mall, r.mall.ordering.ListOrders, req)
			if err != nil {
				return s, fmt.Errorf("list orders: %w", err)
			}
			for _, o := range page.GetOrders() {
				s.Orders++
				if o.GetStatus() == completed {
					s.Completed++
					s.Units += int64(o.GetItemCount())
					s.Total.MinorUnits += o.GetTotal().GetMinorUnits()
				}
			}
			if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
				break
			}
		}
	}
	return s, nil
}
