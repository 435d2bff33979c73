package main

import (
	"context"
	"fmt"

	"mallbots/internal/client"
	depotv1 "mallbots/proto/mallbots/depot/v1"
	moneyv1 "mallbots/proto/mallbots/money/v1"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

// sampleStores is what a newcomer finds.
var sampleStores = []struct {
	name, location string
	products       []sampleProduct
}{
	{"Waldorf Books", "Ground floor, west", []sampleProduct{
		{"Atlas of Small Rivers", "Hardcover, 240 pages.", "WB-ATLAS", 3900, 40},
		{"Notebook", "Dotted, 120 pages.", "WB-NOTE", 450, 300},
		{"Pencil", "HB, with eraser.", "WB-PENCIL", 90, 1000},
	}},
	{"Kitchen & Co", "Ground floor, east", []sampleProduct{
		{"Cast Iron Pan", "28 cm.", "KC-PAN", 4999, 25},
		{"Bread Knife", "Serrated, 22 cm.", "KC-KNIFE", 2450, 60},
		{"Tea Towel", "Linen.", "KC-TOWEL", 895, 200},
		{"Egg Timer", "Four minutes.", "KC-TIMER", 1250, 1},
	}},
	{"Field & Trail", "First floor", []sampleProduct{
		{"Water Bottle", "Steel, 0.75 l.", "FT-BOTTLE", 1990, 120},
		{"Head Lamp", "USB, 300 lumen.", "FT-LAMP", 3490, 80},
		{"Wool Socks", "Merino, medium.", "FT-SOCKS", 1690, 150},
	}},
}

type sampleProduct struct {
	name, description, sku string
	cents                  int64
	stock                  int32
}

// sample fills a mall that has no store yet.
func sample(ctx context.Context, c *client.Client, currency string) error {
	m := mallAt(c)
	there, err := ask(ctx, m, m.stores.GetStores, &storesv1.GetStoresRequest{PageSize: 1})
	if err != nil {
		return fmt.Errorf("look for stores: %w", err)
	}
	if len(there.GetStores()) > 0 {
		return nil
	}
	for _, s := range sampleStores {
		store, opened, err := tell(ctx, m, m.stores.CreateStore, &storesv1.CreateStoreRequest{Name: s.name, Location: s.location})
		if err == nil {
			_, opened, err = tell(ctx, m, m.stores.EnableParticipation, &storesv1.EnableParticipationRequest{Id: store.GetId()})
		}
		if err != nil {
			return fmt.Errorf("open %s: %w", s.name, err)
		}
		for _, p := range s.products {
			res, added, err := tell(ctx, m, m.stores.AddProduct, &storesv1.AddProductRequest{
				StoreId: store.GetId(), Name: p.name, Description: p.description, Sku: p.sku,
				Price: &moneyv1.Money{CurrencyCode: currency, MinorUnits: p.cents},
			})
			if err == nil {
				receive := &depotv1.ReceiveStockRequest{ProductId: res.GetId(), Quantity: p.stock}
				_, _, err = tell(ctx, m, m.depot.ReceiveStock, receive, opened, added)
			}
			if err != nil {
				return fmt.Errorf("add %s: %w", p.name, err)
			}
		}
	}
	for i, name := range []string{"Ada Lovelace", "Grace Hopper"} {
		customer := &orderingv1.RegisterCustomerRequest{Name: name, SmsNumber: fmt.Sprintf("+1 555 010%d", i)}
		if _, _, err := tell(ctx, m, m.ordering.RegisterCustomer, customer); err != nil {
			return fmt.Errorf("register %s: %w", name, err)
		}
	}
	return nil
}
