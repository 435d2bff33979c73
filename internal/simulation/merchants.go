package simulation

import (
	"context"
	"fmt"
	"time"

	depotv1 "mallbots/proto/mallbots/depot/v1"
	moneyv1 "mallbots/proto/mallbots/money/v1"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

// product is what the people of the mall know of one.
type product struct {
	id    string
	price int64
	gone  bool
}

func money(minor int64) *moneyv1.Money {
	return &moneyv1.Money{CurrencyCode: "USD", MinorUnits: minor}
}

// merchant opens a store, fills its shelves, and then changes names and prices.
func (w *World) merchant(n int) *actor {
	p := w.person(fmt.Sprintf("merchant-%d", n), uint64(100+n))
	return newActor(p.name, func(think think) {
		res, o, on := insist(p, think, "CreateStore", func(ctx context.Context, c *clients) (*storesv1.CreateStoreResponse, error) {
			return c.stores.CreateStore(ctx, &storesv1.CreateStoreRequest{Name: p.name, Location: fmt.Sprintf("Hall %d", n)})
		})
		if !on || !o.ok() || !think(p.within(time.Second)) {
			return
		}
		store := res.GetId()
		_, _, on = insist(p, think, "EnableParticipation "+store, func(ctx context.Context, c *clients) (*storesv1.EnableParticipationResponse, error) {
			return c.stores.EnableParticipation(ctx, &storesv1.EnableParticipationRequest{Id: store})
		})
		if !on {
			return
		}
		for i := range 3 {
			if !p.addProduct(think, store, i) {
				return
			}
		}
		for range 6 {
			if !think(p.within(6*time.Second)) || !p.meddle(think, store) {
				return
			}
		}
	})
}

func (p *person) addProduct(think think, store string, i int) bool {
	price := int64(100 * (1 + p.dice.IntN(50)))
	res, o, on := insist(p, think, "AddProduct", func(ctx context.Context, c *clients) (*storesv1.AddProductResponse, error) {
		return c.stores.AddProduct(ctx, &storesv1.AddProductRequest{
			StoreId: store, Name: fmt.Sprintf("thing %d", i), Sku: fmt.Sprintf("sku-%d", i), Price: money(price),
		})
	})
	if o.ok() {
		p.w.ledger.products = append(p.w.ledger.products, &product{id: res.GetId(), price: price})
	}
	return on && think(p.within(200*time.Millisecond))
}

// meddle changes something about a store or a product.
func (p *person) meddle(think think, store string) (on bool) {
	item := p.pickProduct()
	switch what := p.dice.IntN(10); {
	case what == 0:
		_, _, on = insist(p, think, "RebrandStore "+store, func(ctx context.Context, c *clients) (*storesv1.RebrandStoreResponse, error) {
			return c.stores.RebrandStore(ctx, &storesv1.RebrandStoreRequest{Id: store, Name: fmt.Sprintf("%s %d", p.name, p.keys)})
		})
	case item == nil:
		on = true
	case what < 4:
		price := item.price + int64(1+p.dice.IntN(500))
		_, o, still := insist(p, think, fmt.Sprintf("IncreaseProductPrice %s %d", item.id, price), func(ctx context.Context, c *clients) (*storesv1.IncreaseProductPriceResponse, error) {
			return c.stores.IncreaseProductPrice(ctx, &storesv1.IncreaseProductPriceRequest{Id: item.id, Price: money(price)})
		})
		if on = still; o.ok() {
			item.price = price
		}
	case what < 7:
		price := max(1, item.price-int64(1+p.dice.IntN(50)))
		_, o, still := insist(p, think, fmt.Sprintf("DecreaseProductPrice %s %d", item.id, price), func(ctx context.Context, c *clients) (*storesv1.DecreaseProductPriceResponse, error) {
			return c.stores.DecreaseProductPrice(ctx, &storesv1.DecreaseProductPriceRequest{Id: item.id, Price: money(price)})
		})
		if on = still; o.ok() {
			item.price = price
		}
	case what < 9:
		_, _, on = insist(p, think, "RebrandProduct "+item.id, func(ctx context.Context, c *clients) (*storesv1.RebrandProductResponse, error) {
			return c.stores.RebrandProduct(ctx, &storesv1.RebrandProductRequest{Id: item.id, Name: fmt.Sprintf("thing %d", p.keys)})
		})
	default:
		item.gone = true
		_, _, on = insist(p, think, "RemoveProduct "+item.id, func(ctx context.Context, c *clients) (*storesv1.RemoveProductResponse, error) {
			return c.stores.RemoveProduct(ctx, &storesv1.RemoveProductRequest{Id: item.id})
		})
	}
	return on
}

// pickProduct picks one that is sold, the first ones most often: they run out.
func (p *person) pickProduct() *product {
	all := p.w.ledger.products
	if len(all) == 0 {
		return nil
	}
	i := min(p.dice.IntN(len(all)), p.dice.IntN(len(all)))
	if all[i].gone {
		return nil
	}
	return all[i]
}

// storeman receives goods, and now and then calls a list off.
func (w *World) storeman() *actor {
	p := w.person("storeman", 200)
	return newActor(p.name, func(think think) {
		for range 30 {
			if !think(p.within(1500 * time.Millisecond)) {
				return
			}
			if p.chance(12) {
				if !p.cancelList(think) {
					return
				}
				continue
			}
			item := p.pickProduct()
			if item == nil {
				continue
			}
			units := int32(1 + p.dice.IntN(12))
			_, o, on := insist(p, think, fmt.Sprintf("ReceiveStock %s %d", item.id, units), func(ctx context.Context, c *clients) (*depotv1.ReceiveStockResponse, error) {
				return c.depot.ReceiveStock(ctx, &depotv1.ReceiveStockRequest{ProductId: item.id, Quantity: units})
			})
			p.w.ledger.received(item.id, int64(units), o)
			if !on {
				return
			}
		}
	})
}

func (p *person) cancelList(think think) bool {
	list := p.pickList(depotv1.ShoppingListStatus_SHOPPING_LIST_STATUS_UNSPECIFIED)
	if list == nil {
		return true
	}
	_, _, on := insist(p, think, "CancelShoppingList "+list.GetId(), func(ctx context.Context, c *clients) (*depotv1.CancelShoppingListResponse, error) {
		return c.depot.CancelShoppingList(ctx, &depotv1.CancelShoppingListRequest{Id: list.GetId(), Reason: "spilled"})
	})
	return on
}

// pickList picks one of the first shopping lists in a status.
func (p *person) pickList(status depotv1.ShoppingListStatus) *depotv1.ShoppingList {
	res, o := request(p.w, p.name, "ListShoppingLists", "", func(ctx context.Context, c *clients) (*depotv1.ListShoppingListsResponse, error) {
		return c.depot.ListShoppingLists(ctx, &depotv1.ListShoppingListsRequest{Status: status, PageSize: 5})
	})
	if !o.ok() || len(res.GetShoppingLists()) == 0 {
		return nil
	}
	return res.GetShoppingLists()[p.dice.IntN(len(res.GetShoppingLists()))]
}

// warden disables customers, and enables them again.
func (w *World) warden() *actor {
	p := w.person("warden", 300)
	return newActor(p.name, func(think think) {
		for range 6 {
			if !think(p.within(6 * time.Second)) {
				return
			}
			if len(w.ledger.customers) == 0 {
				continue
			}
			id := w.ledger.customers[p.dice.IntN(len(w.ledger.customers))]
			if _, _, on := insist(p, think, "DisableCustomer "+id, func(ctx context.Context, c *clients) (*orderingv1.DisableCustomerResponse, error) {
				return c.ordering.DisableCustomer(ctx, &orderingv1.DisableCustomerRequest{Id: id})
			}); !on || !think(p.within(3*time.Second)) {
				return
			}
			if _, _, on := insist(p, think, "EnableCustomer "+id, func(ctx context.Context, c *clients) (*orderingv1.EnableCustomerResponse, error) {
				return c.ordering.EnableCustomer(ctx, &orderingv1.EnableCustomerRequest{Id: id})
			}); !on {
				return
			}
		}
	})
}
