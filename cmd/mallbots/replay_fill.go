package main

import (
	"context"
	"fmt"

	depotv1 "mallbots/proto/mallbots/depot/v1"
	moneyv1 "mallbots/proto/mallbots/money/v1"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

// replay is one run of a history. What it made is known by the history's ids.
type replay struct {
	*replayCommand
	mall     *mall
	history  *history
	progress *progress

	stores    map[string]opened // by supplier
	products  map[string]*onSale
	customers map[string]string // the mall's id by the history's
	decisions decisions
}

// opened is a store of this run.
type opened struct{ id, position string }

// onSale is a product of this run. Positions are what baskets must have heard
// before the product can be put into one as it is now.
type onSale struct {
	id        string
	price     int64 // cents: the current one
	positions []string
}

func newReplay(m *mall, h *history, r *replayCommand, p *progress) *replay {
	return &replay{
		replayCommand: r, mall: m, history: h, progress: p,
		stores: map[string]opened{}, products: map[string]*onSale{}, customers: map[string]string{},
	}
}

// play opens the mall, and then takes the orders in turn while bots pick.
func (r *replay) play(ctx context.Context) error {
	for _, step := range []func(context.Context) error{r.openStores, r.stockShelves, r.register, r.takeOrders} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (r *replay) openStores(ctx context.Context) error {
	r.progress.describe("stores")
	for _, s := range r.history.suppliers {
		store, _, err := tell(ctx, r.mall, r.mall.stores.CreateStore, &storesv1.CreateStoreRequest{Name: s.name, Location: s.city + ", " + s.country})
		if err != nil {
			return fmt.Errorf("create store %s: %w", s.name, err)
		}
		_, position, err := tell(ctx, r.mall, r.mall.stores.EnableParticipation, &storesv1.EnableParticipationRequest{Id: store.GetId()})
		if err != nil {
			return fmt.Errorf("let store %s participate: %w", s.name, err)
		}
		r.stores[s.id] = opened{id: store.GetId(), position: position}
		r.progress.step()
	}
	return nil
}

// stockShelves adds the products at their list price, and receives what there is of them.
func (r *replay) stockShelves(ctx context.Context) error {
	r.progress.describe("products")
	needed := r.needed()
	for _, p := range r.history.products {
		store := r.stores[p.supplierID]
		res, position, err := tell(ctx, r.mall, r.mall.stores.AddProduct, &storesv1.AddProductRequest{
			StoreId: store.id, Name: p.name, Description: p.description, Sku: "SKU-" + p.id, Price: r.amount(p.price),
		})
		if err != nil {
			return fmt.Errorf("add product %s: %w", p.name, err)
		}
		r.products[p.id] = &onSale{id: res.GetId(), price: p.price, positions: []string{store.position, position}}
		r.progress.step()
		for left := needed[p.id]; left > 0; left -= mostReceived {
			receive := &depotv1.ReceiveStockRequest{ProductId: res.GetId(), Quantity: int32(min(left, mostReceived))}
			if _, _, err := tell(ctx, r.mall, r.mall.depot.ReceiveStock, receive, store.position, position); err != nil {
				return fmt.Errorf("receive product %s: %w", p.name, err)
			}
		}
		r.progress.step()
	}
	return nil
}

// needed is how many units of each product the depot receives.
func (r *replay) needed() map[string]int64 {
	units := map[string]int64{}
	if r.Restock == "listed" {
		for _, p := range r.history.products {
			units[p.id] = p.inStock
		}
		return units
	}
	for _, o := range r.history.orders {
		for _, l := range o.lines {
			units[l.productID] += int64(l.quantity)
		}
	}
	return units
}

func (r *replay) register(ctx context.Context) error {
	r.progress.describe("customers")
	for i, c := range r.history.customers {
		res, _, err := tell(ctx, r.mall, r.mall.ordering.RegisterCustomer, &orderingv1.RegisterCustomerRequest{
			Name: c.name, SmsNumber: fmt.Sprintf("+1 555 %04d", i+1),
		})
		if err != nil {
			return fmt.Errorf("register customer %s: %w", c.name, err)
		}
		r.customers[c.id] = res.GetId()
		r.progress.step()
	}
	return nil
}

// amount is so many cents in the mall's currency.
func (r *replay) amount(cents int64) *moneyv1.Money {
	return &moneyv1.Money{CurrencyCode: r.Currency, MinorUnits: cents}
}
