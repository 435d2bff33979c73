package baskets

import (
	"context"

	"mallbots/baskets/internal/basket"
	"mallbots/internal/api"
	basketsv1 "mallbots/proto/mallbots/baskets/v1"
	moneyv1 "mallbots/proto/mallbots/money/v1"
)

// GetBasket answers a basket, and what its products cost now. It is read from
// its events, which are few, so that it is never behind.
func (m *module) GetBasket(ctx context.Context, req *basketsv1.GetBasketRequest) (*basketsv1.GetBasketResponse, error) {
	b, err := m.baskets.Load(ctx, m.db, req.GetId())
	if err != nil {
		return nil, err
	}
	offers, err := offers(ctx, m.db, b.ProductIDs()...)
	if err != nil {
		return nil, err
	}
	api.SetETag(ctx, b.Version())
	answer := &basketsv1.Basket{
		Id: b.ID(), CustomerId: b.CustomerID(), Status: status(b.Status()), Total: money(b, b.Total()),
	}
	for _, i := range b.Items() {
		now := i.Price
		if offer, known := offers[i.ProductID]; known {
			now = offer.Price
		}
		answer.Items = append(answer.Items, &basketsv1.BasketItem{
			StoreId: i.StoreID, StoreName: i.StoreName, ProductId: i.ProductID, ProductName: i.ProductName,
			ProductPrice: money(b, i.Price), Quantity: i.Quantity,
			CurrentPrice: money(b, now), PriceChanged: now != i.Price,
		})
	}
	return &basketsv1.GetBasketResponse{Basket: answer}, nil
}

// money is an amount in the currency of a basket.
func money(b *basket.Basket, minorUnits int64) *moneyv1.Money {
	return &moneyv1.Money{CurrencyCode: b.Currency(), MinorUnits: minorUnits}
}

func status(s basket.Status) basketsv1.BasketStatus {
	switch s {
	case basket.StatusOpen:
		return basketsv1.BasketStatus_BASKET_STATUS_OPEN
	case basket.StatusCheckedOut:
		return basketsv1.BasketStatus_BASKET_STATUS_CHECKED_OUT
	case basket.StatusCanceled:
		return basketsv1.BasketStatus_BASKET_STATUS_CANCELED
	case basket.StatusBlank: // is never stored
	}
	return basketsv1.BasketStatus_BASKET_STATUS_UNSPECIFIED
}
