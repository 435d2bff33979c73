package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"connectrpc.com/connect/v2"
	"github.com/google/uuid"

	basketsv1 "mallbots/proto/mallbots/baskets/v1"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

// shop is a shopper, one basket after the other until the mall closes.
func (w *busywork) shop(ctx context.Context, customerID string, closing time.Time) {
	for ctx.Err() == nil && time.Now().Before(closing) {
		if !w.setOut() {
			return
		}
		bought, err := w.buy(ctx, customerID)
		if err != nil && ctx.Err() == nil {
			w.errors.count(reason(err))
			_ = sleep(ctx, 10*time.Millisecond) // ends early only with ctx, which the loop asks
		}
		if !bought {
			w.started.Add(-1) // it is still to be checked out
		}
		if w.Think > 0 && sleep(ctx, w.Think) != nil {
			return
		}
	}
}

// setOut reports whether one more order is wanted, and takes it on.
func (w *busywork) setOut() bool {
	for {
		n := w.started.Load()
		if w.Orders > 0 && n >= int64(w.Orders) {
			return false
		}
		if w.started.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// buy fills a basket, perhaps with second thoughts, checks it out, and waits
// for the approval.
func (w *busywork) buy(ctx context.Context, customerID string) (bought bool, err error) {
	m := w.mall
	if rand.N(4) == 0 {
		s := w.shelves[rand.N(len(w.shelves))]
		if _, err := ask(ctx, m, m.stores.GetCatalog, &storesv1.GetCatalogRequest{StoreId: s.storeID}); err != nil {
			return false, fmt.Errorf("browse: %w", err)
		}
	}
	started, _, err := tell(ctx, m, m.baskets.StartBasket, &basketsv1.StartBasketRequest{CustomerId: customerID})
	if err != nil {
		return false, fmt.Errorf("start a basket: %w", err)
	}
	basketID := started.GetId()
	for range 1 + rand.N(3) {
		item := &basketsv1.AddItemRequest{Id: basketID, ProductId: w.shelves[rand.N(len(w.shelves))].productID, Quantity: 1 + rand.Int32N(3)}
		if _, _, err := tell(ctx, m, m.baskets.AddItem, item); err != nil {
			return false, fmt.Errorf("add an item: %w", err)
		}
		if rand.N(10) == 0 { // on second thoughts one more, and one less
			again := &basketsv1.AddItemRequest{Id: basketID, ProductId: item.GetProductId(), Quantity: 1}
			less := &basketsv1.RemoveItemRequest{Id: basketID, ProductId: item.GetProductId(), Quantity: 1}
			if _, _, err = tell(ctx, m, m.baskets.AddItem, again); err == nil {
				_, _, err = tell(ctx, m, m.baskets.RemoveItem, less)
			}
			if err != nil {
				return false, fmt.Errorf("change a basket: %w", err)
			}
		}
	}
	if rand.N(30) == 0 {
		w.givenUp.Add(1)
		_, _, err := tell(ctx, m, m.baskets.CancelBasket, &basketsv1.CancelBasketRequest{Id: basketID})
		return false, err
	}
	return w.checkOut(ctx, basketID)
}

// checkOut checks a basket out, at new prices if the old ones don't hold any more.
func (w *busywork) checkOut(ctx context.Context, basketID string) (bought bool, err error) {
	began := time.Now()
	position, err := w.checkOutOnce(ctx, basketID, false)
	if err != nil && reason(err) == "PRICE_CHANGED" {
		w.refusals.count("PRICE_CHANGED")
		began = time.Now()
		position, err = w.checkOutOnce(ctx, basketID, true)
	}
	if err != nil {
		return false, fmt.Errorf("check out: %w", err)
	}
	w.checkouts.add(time.Since(began))
	w.orders.Add(1)
	status, err := w.awaitDecision(ctx, basketID, position)
	if err != nil {
		return true, err
	}
	w.decided(status, began)
	if status == approved && rand.N(50) == 0 {
		_, _, err := tell(ctx, w.mall, w.mall.ordering.CancelOrder, &orderingv1.CancelOrderRequest{Id: basketID})
		if refused(err) {
			w.refusals.count(reason(err)) // it was ready before
			return true, nil
		}
		if err == nil {
			w.canceled.Add(1)
		}
		return true, err
	}
	return true, nil
}

// checkOutOnce sends one check-out until it is answered, and keeps a journal of
// what the mall has promised.
func (w *busywork) checkOutOnce(ctx context.Context, basketID string, accept bool) (position string, err error) {
	req := &basketsv1.CheckoutBasketRequest{Id: basketID, PaymentId: "payment-" + basketID, AcceptPriceChanges: accept}
	key := uuid.NewString()
	deadline := time.Now().Add(w.Patience)
	for attempt := 0; ; attempt++ {
		_, position, err := once(ctx, w.mall.baskets.CheckoutBasket, req, key, nil)
		if err == nil {
			w.note("answered", basketID)
			return position, nil
		}
		if attempt == 0 && reason(err) == "unreachable" {
			w.note("unknown", basketID)
		}
		if !unsettled(ctx, err) || time.Now().After(deadline) {
			return "", err
		}
		w.retries.count(reason(err))
		if err := pause(ctx, attempt); err != nil {
			return "", err
		}
	}
}

// awaitDecision waits until an order is approved or rejected. A watch that
// breaks is finished by asking.
func (w *busywork) awaitDecision(ctx context.Context, id, position string) (orderStatus, error) {
	if w.Observe == "watch" {
		if status, err := w.watch(ctx, id, position); err == nil {
			return status, nil
		}
	}
	order, err := w.mall.awaitOrder(ctx, id, decided, position)
	return order.GetStatus(), err
}

var errStillPending = errors.New("the watch ended before the order was decided")

func (w *busywork) watch(ctx context.Context, id, position string) (orderStatus, error) {
	ctx, cancel := context.WithTimeout(ctx, w.Patience)
	defer cancel()
	ctx, info := connect.NewClientContext(ctx)
	if position != "" {
		info.RequestHeader().Set("Mallbots-After", position)
	}
	stream, err := w.mall.ordering.WatchOrder(ctx, &orderingv1.WatchOrderRequest{Id: id})
	if err != nil {
		return pending, err
	}
	defer stream.Close()
	for {
		res, err := stream.Receive()
		if err != nil {
			return pending, errors.Join(errStillPending, err)
		}
		if status := res.GetOrder().GetStatus(); decided(status) {
			return status, nil
		}
	}
}
