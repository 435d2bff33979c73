package baskets

import (
	"context"

	"github.com/google/uuid"

	"mallbots/baskets/internal/basket"
	"mallbots/internal/api"
	"mallbots/internal/database"
	"mallbots/internal/fault"
	basketsv1 "mallbots/proto/mallbots/baskets/v1"
)

// errDisabled refuses a customer who may not order. One who is unknown may
// start a basket: the order decides.
var errDisabled = fault.New(fault.Conflict, "CUSTOMER_DISABLED", "the customer is disabled and can not start a basket")

// StartBasket gives a customer an empty basket.
func (m *module) StartBasket(ctx context.Context, req *basketsv1.StartBasketRequest) (*basketsv1.StartBasketResponse, error) {
	return api.Mutate(ctx, m.db, req, func(ctx context.Context, tx database.Tx) (*basketsv1.StartBasketResponse, error) {
		disabled, err := disabled(ctx, tx, req.GetCustomerId())
		if err != nil {
			return nil, err
		}
		if disabled {
			return nil, errDisabled.With("%s", req.GetCustomerId())
		}
		id := uuid.Must(uuid.NewV7()).String()
		return &basketsv1.StartBasketResponse{Id: id}, m.baskets.Create(ctx, tx, id, func(b *basket.Basket) error {
			return b.Start(req.GetCustomerId(), m.currency)
		})
	})
}

// AddItem puts units of a product into a basket, at its price of this moment.
func (m *module) AddItem(ctx context.Context, req *basketsv1.AddItemRequest) (*basketsv1.AddItemResponse, error) {
	return api.Mutate(ctx, m.db, req, func(ctx context.Context, tx database.Tx) (*basketsv1.AddItemResponse, error) {
		return &basketsv1.AddItemResponse{}, m.baskets.Update(ctx, tx, req.GetId(), func(b *basket.Basket) error {
			offers, err := offers(ctx, tx, req.GetProductId())
			if err != nil {
				return err
			}
			return b.AddItem(offers[req.GetProductId()], req.GetQuantity())
		})
	})
}

// RemoveItem takes units of a product out of a basket.
func (m *module) RemoveItem(ctx context.Context, req *basketsv1.RemoveItemRequest) (*basketsv1.RemoveItemResponse, error) {
	return api.Mutate(ctx, m.db, req, func(ctx context.Context, tx database.Tx) (*basketsv1.RemoveItemResponse, error) {
		return &basketsv1.RemoveItemResponse{}, m.baskets.Update(ctx, tx, req.GetId(), func(b *basket.Basket) error {
			return b.RemoveItem(req.GetProductId(), req.GetQuantity())
		})
	})
}

// CheckoutBasket closes a basket and hands it over to be ordered.
func (m *module) CheckoutBasket(ctx context.Context, req *basketsv1.CheckoutBasketRequest) (*basketsv1.CheckoutBasketResponse, error) {
	return api.Mutate(ctx, m.db, req, func(ctx context.Context, tx database.Tx) (*basketsv1.CheckoutBasketResponse, error) {
		return &basketsv1.CheckoutBasketResponse{OrderId: req.GetId()}, m.baskets.Update(ctx, tx, req.GetId(), func(b *basket.Basket) error {
			offers, err := offers(ctx, tx, b.ProductIDs()...)
			if err != nil {
				return err
			}
			return b.CheckOut(req.GetPaymentId(), req.GetAcceptPriceChanges(), offers)
		})
	})
}

// CancelBasket gives a basket up.
func (m *module) CancelBasket(ctx context.Context, req *basketsv1.CancelBasketRequest) (*basketsv1.CancelBasketResponse, error) {
	return api.Mutate(ctx, m.db, req, func(ctx context.Context, tx database.Tx) (*basketsv1.CancelBasketResponse, error) {
		return &basketsv1.CancelBasketResponse{}, m.baskets.Update(ctx, tx, req.GetId(), func(b *basket.Basket) error {
			return b.Cancel()
		})
	})
}
