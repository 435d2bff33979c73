package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"mallbots/internal/client"
	basketsv1 "mallbots/proto/mallbots/baskets/v1"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

// shop is a shopper, one basket after the other until the mall closes. It ends
// when all its orders are decided.
func (w *busywork) shop(ctx context.Context, customerID string, closing time.Time) {
	var undecided sync.WaitGroup
	defer undecided.Wait()
	open := make(chan struct{}, max(w.Open, 1))
	for ctx.Err() == nil && time.Now().Before(closing) && w.setOut() {
		order, err := w.buy(ctx, customerID)
		if err != nil && ctx.Err() == nil {
			w.errors.count(client.Reason(err))
			_ = client.Sleep(ctx, 10*time.Millisecond) // ends early only with ctx, which the loop asks
		}
		if order == nil {
			w.started.Add(-1) // it is still to be checked out
			continue
		}
		open <- struct{}{}
		follow := func() {
			if err := w.follow(ctx, *order); err != nil && ctx.Err() == nil {
				w.errors.count(client.Reason(err))
			}
			<-open
		}
		if w.Open == 1 {
			follow()
		} else {
			undecided.Go(follow)
		}
		if w.Think > 0 && client.Sleep(ctx, w.Think) != nil {
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

// buy fills a basket, perhaps with second thoughts, and checks it out. There is
// no order when the basket is given up.
func (w *busywork) buy(ctx context.Context, customerID string) (*placed, error) {
	m := w.mall
	if rand.N(4) == 0 {
		s := w.shelves[rand.N(len(w.shelves))]
		if _, err := ask(ctx, m, m.stores.GetCatalog, &storesv1.GetCatalogRequest{StoreId: s.storeID}); err != nil {
			return nil, fmt.Errorf("browse: %w", err)
		}
	}
	started, _, err := tell(ctx, m, m.baskets.StartBasket, &basketsv1.StartBasketRequest{CustomerId: customerID})
	if err != nil {
		return nil, fmt.Errorf("start a basket: %w", err)
	}
	basketID := started.GetId()
	for range 1 + rand.N(3) {
		item := &basketsv1.AddItemRequest{Id: basketID, ProductId: w.shelves[rand.N(len(w.shelves))].productID, Quantity: 1 + rand.Int32N(3)}
		if _, _, err := tell(ctx, m, m.baskets.AddItem, item); err != nil {
			return nil, fmt.Errorf("add an item: %w", err)
		}
		if rand.N(10) == 0 { // on second thoughts one more, and one less
			again := &basketsv1.AddItemRequest{Id: basketID, ProductId: item.GetProductId(), Quantity: 1}
			less := &basketsv1.RemoveItemRequest{Id: basketID, ProductId: item.GetProductId(), Quantity: 1}
			if _, _, err = tell(ctx, m, m.baskets.AddItem, again); err == nil {
				_, _, err = tell(ctx, m, m.baskets.RemoveItem, less)
			}
			if err != nil {
				return nil, fmt.Errorf("change a basket: %w", err)
			}
		}
	}
	if rand.N(30) == 0 {
		w.givenUp.Add(1)
		_, _, err := tell(ctx, m, m.baskets.CancelBasket, &basketsv1.CancelBasketRequest{Id: basketID})
		return nil, err
	}
	return w.checkOut(ctx, basketID)
}
