package stores

import (
	"context"

	"mallbots/internal/database"
	"mallbots/internal/outbox"
	moneyv1 "mallbots/proto/mallbots/money/v1"
	storesv1 "mallbots/proto/mallbots/stores/v1"
	"mallbots/stores/internal/product"
	"mallbots/stores/internal/store"
)

// publishStore puts into the outbox what the rest of the mall may know of a store.
func publishStore(ctx context.Context, tx database.Tx, s *store.Store, e store.Event) error {
	switch e := e.(type) {
	case store.Created:
		return outbox.Publish(ctx, tx, s.ID(), &storesv1.StoreCreated{StoreId: s.ID(), Name: e.Name, Location: e.Location})
	case store.Rebranded:
		return outbox.Publish(ctx, tx, s.ID(), &storesv1.StoreRebranded{StoreId: s.ID(), Name: e.Name})
	case store.ParticipationEnabled:
		return outbox.Publish(ctx, tx, s.ID(), &storesv1.StoreParticipationChanged{StoreId: s.ID(), Participating: true})
	case store.ParticipationDisabled:
		return outbox.Publish(ctx, tx, s.ID(), &storesv1.StoreParticipationChanged{StoreId: s.ID(), Participating: false})
	}
	return nil
}

// publishProduct puts into the outbox what the rest of the mall may know of a product.
func publishProduct(ctx context.Context, tx database.Tx, p *product.Product, e product.Event) error {
	switch e := e.(type) {
	case product.Added:
		return outbox.Publish(ctx, tx, p.ID(), &storesv1.ProductAdded{
			ProductId: p.ID(), StoreId: e.StoreID, Name: e.Name, Description: e.Description, Sku: e.SKU,
			Price: &moneyv1.Money{CurrencyCode: e.Currency, MinorUnits: e.Price},
		})
	case product.Rebranded:
		return outbox.Publish(ctx, tx, p.ID(), &storesv1.ProductRebranded{
			ProductId: p.ID(), StoreId: p.StoreID(), Name: e.Name, Description: e.Description,
		})
	case product.PriceIncreased:
		return publishPrice(ctx, tx, p, e.Price)
	case product.PriceDecreased:
		return publishPrice(ctx, tx, p, e.Price)
	case product.Removed:
		return outbox.Publish(ctx, tx, p.ID(), &storesv1.ProductRemoved{ProductId: p.ID(), StoreId: p.StoreID()})
	}
	return nil
}

// snapshotStore publishes all that the rest of the mall may know of a store.
func snapshotStore(ctx context.Context, tx database.Tx, s *store.Store) error {
	return outbox.Snapshot(ctx, tx, s.ID(), &storesv1.StoreCreated{
		StoreId: s.ID(), Name: s.Name(), Location: s.Location(), Participating: s.Participating(),
	})
}

// snapshotProduct publishes all that the rest of the mall may know of a product.
func snapshotProduct(ctx context.Context, tx database.Tx, p *product.Product) error {
	return outbox.Snapshot(ctx, tx, p.ID(), &storesv1.ProductAdded{
		ProductId: p.ID(), StoreId: p.StoreID(), Name: p.Name(), Description: p.Description(), Sku: p.SKU(),
		Price: &moneyv1.Money{CurrencyCode: p.Currency(), MinorUnits: p.Price()}, Removed: p.Removed(),
	})
}

func publishPrice(ctx context.Context, tx database.Tx, p *product.Product, price int64) error {
	return outbox.Publish(ctx, tx, p.ID(), &storesv1.ProductPriceChanged{
		ProductId: p.ID(), StoreId: p.StoreID(),
		Price: &moneyv1.Money{CurrencyCode: p.Currency(), MinorUnits: price},
	})
}
