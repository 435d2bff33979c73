package baskets

import (
	"context"

	"mallbots/baskets/internal/basket"
	"mallbots/internal/database"
	"mallbots/internal/outbox"
	basketsv1 "mallbots/proto/mallbots/baskets/v1"
)

// publish puts into the outbox what the rest of the mall may know of a basket.
func publish(ctx context.Context, tx database.Tx, b *basket.Basket, e basket.Event) error {
	switch e := e.(type) {
	case basket.Started:
		return outbox.Publish(ctx, tx, b.ID(), &basketsv1.BasketStarted{BasketId: b.ID(), CustomerId: e.CustomerID})
	case basket.CheckedOut:
		return outbox.Publish(ctx, tx, b.ID(), &basketsv1.BasketCheckedOut{
			BasketId: b.ID(), CustomerId: b.CustomerID(), PaymentId: e.PaymentID,
			Items: lines(b, e.Items), Total: money(b, e.Total),
		})
	case basket.Canceled:
		return outbox.Publish(ctx, tx, b.ID(), &basketsv1.BasketCanceled{BasketId: b.ID(), CustomerId: b.CustomerID()})
	case basket.ItemAdded, basket.ItemRemoved: // nobody else's business
	}
	return nil
}

func lines(b *basket.Basket, items []basket.Item) []*basketsv1.BasketCheckedOutItem {
	all := make([]*basketsv1.BasketCheckedOutItem, 0, len(items))
	for _, i := range items {
		all = append(all, &basketsv1.BasketCheckedOutItem{
			StoreId: i.StoreID, StoreName: i.StoreName, ProductId: i.ProductID, ProductName: i.ProductName,
			Price: money(b, i.Price), Quantity: i.Quantity,
		})
	}
	return all
}
