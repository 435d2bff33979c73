package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"mallbots/internal/client"
	basketsv1 "mallbots/proto/mallbots/baskets/v1"
	depotv1 "mallbots/proto/mallbots/depot/v1"
	moneyv1 "mallbots/proto/mallbots/money/v1"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

// How large a run's own street is.
const (
	shopCount   = 4
	shelfCount  = 8 // in each shop
	deliveries  = 500_000
	keeperPause = 200 * time.Millisecond

	mostPositions = 16 // that one request waits for
)

// shelf is one product of this run. Only its keeper changes the price.
type shelf struct {
	storeID, productID string
	price              int64 // cents
}

// open makes shops, products with stock, and customers, and waits until
// baskets has heard of all of them.
func (w *busywork) open(ctx context.Context) error {
	var heard []string
	for i := range shopCount {
		store, _, err := tell(ctx, w.mall, w.mall.stores.CreateStore, &storesv1.CreateStoreRequest{
			Name: fmt.Sprintf("Busy shop %d", i+1), Location: fmt.Sprintf("Busy street %d", i+1),
		})
		if err != nil {
			return fmt.Errorf("create a store: %w", err)
		}
		_, position, err := tell(ctx, w.mall, w.mall.stores.EnableParticipation, &storesv1.EnableParticipationRequest{Id: store.GetId()})
		if err != nil {
			return fmt.Errorf("let a store participate: %w", err)
		}
		heard = append(heard, position)
		for n := range shelfCount {
			position, err := w.fill(ctx, store.GetId(), n)
			if err != nil {
				return err
			}
			heard = append(heard, position)
		}
	}
	for i := range w.Shoppers {
		res, _, err := tell(ctx, w.mall, w.mall.ordering.RegisterCustomer, &orderingv1.RegisterCustomerRequest{
			Name: fmt.Sprintf("Shopper %d", i+1), SmsNumber: fmt.Sprintf("+1 555 %04d", i+1),
		})
		if err != nil {
			return fmt.Errorf("register a customer: %w", err)
		}
		w.customers = append(w.customers, res.GetId())
	}
	return w.rehearse(ctx, heard)
}

// fill adds a product and receives plenty of it.
func (w *busywork) fill(ctx context.Context, storeID string, n int) (position string, err error) {
	price := int64(100 + rand.N(9900))
	res, position, err := tell(ctx, w.mall, w.mall.stores.AddProduct, &storesv1.AddProductRequest{
		StoreId: storeID, Name: fmt.Sprintf("Thing %d", n+1), Description: "What busy people buy.",
		Sku: fmt.Sprintf("BUSY-%d", n+1), Price: w.amount(price),
	})
	if err != nil {
		return "", fmt.Errorf("add a product: %w", err)
	}
	receive := &depotv1.ReceiveStockRequest{ProductId: res.GetId(), Quantity: deliveries}
	if _, _, err := tell(ctx, w.mall, w.mall.depot.ReceiveStock, receive, position); err != nil {
		return "", fmt.Errorf("receive stock: %w", err)
	}
	w.shelves = append(w.shelves, &shelf{storeID: storeID, productID: res.GetId(), price: price})
	return position, nil
}

// rehearse starts a basket, waits until baskets has heard of every product, and
// gives it up.
func (w *busywork) rehearse(ctx context.Context, heard []string) error {
	res, _, err := tell(ctx, w.mall, w.mall.baskets.StartBasket, &basketsv1.StartBasketRequest{CustomerId: w.customers[0]})
	if err != nil {
		return fmt.Errorf("start the first basket: %w", err)
	}
	for some := range slices.Chunk(heard, mostPositions) {
		if _, err := ask(ctx, w.mall, w.mall.baskets.GetBasket, &basketsv1.GetBasketRequest{Id: res.GetId()}, some...); err != nil {
			return fmt.Errorf("wait for the products: %w", err)
		}
	}
	if _, _, err := tell(ctx, w.mall, w.mall.baskets.CancelBasket, &basketsv1.CancelBasketRequest{Id: res.GetId()}); err != nil {
		return fmt.Errorf("cancel the first basket: %w", err)
	}
	return nil
}

// keep is a shop keeper: prices go up and down, and now and then a delivery comes.
func (w *busywork) keep(ctx context.Context, keeper int) {
	for client.Sleep(ctx, keeperPause) == nil {
		mine := keeper + w.Keepers*rand.N((len(w.shelves)-keeper+w.Keepers-1)/w.Keepers)
		s := w.shelves[mine]
		var err error
		switch n := rand.N(10); {
		case n == 0:
			_, _, err = tell(ctx, w.mall, w.mall.depot.ReceiveStock, &depotv1.ReceiveStockRequest{ProductId: s.productID, Quantity: 10})
		case n < 6 || s.price < 50:
			s.price += 1 + rand.Int64N(20)
			_, _, err = tell(ctx, w.mall, w.mall.stores.IncreaseProductPrice, &storesv1.IncreaseProductPriceRequest{Id: s.productID, Price: w.amount(s.price)})
		default:
			s.price -= 1 + rand.Int64N(20)
			_, _, err = tell(ctx, w.mall, w.mall.stores.DecreaseProductPrice, &storesv1.DecreaseProductPriceRequest{Id: s.productID, Price: w.amount(s.price)})
		}
		if err != nil && ctx.Err() == nil {
			w.errors.count(client.Reason(err))
		}
	}
}

func (w *busywork) amount(cents int64) *moneyv1.Money {
	return &moneyv1.Money{CurrencyCode: w.Currency, MinorUnits: cents}
}
