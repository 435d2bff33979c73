package depot

import (
	"context"
	"errors"
	"fmt"

	"mallbots/depot/internal/stock"
	"mallbots/internal/api"
	"mallbots/internal/database"
	"mallbots/internal/fault"
	"mallbots/internal/outbox"
	depotv1 "mallbots/proto/mallbots/depot/v1"
)

// Why stock is refused.
var (
	errProductUnknown = fault.New(fault.NotFound, "PRODUCT_NOT_FOUND", "the depot has not heard of this product; if it is new, wait for it with Mallbots-After")
	errProductRemoved = fault.New(fault.Conflict, "PRODUCT_REMOVED", "the product is REMOVED from its store, so no more of it can be received")
)

// ReceiveStock books units of a product that have arrived.
func (m *module) ReceiveStock(ctx context.Context, req *depotv1.ReceiveStockRequest) (*depotv1.ReceiveStockResponse, error) {
	return api.Mutate(ctx, m.db, req, func(ctx context.Context, tx database.Tx) (*depotv1.ReceiveStockResponse, error) {
		removed, err := productRemoved(ctx, tx, req.GetProductId())
		if err != nil {
			return nil, err
		}
		if removed {
			return nil, errProductRemoved.With("product %s", req.GetProductId())
		}
		l, err := receive(ctx, tx, newID(), stock.Line{ProductID: req.GetProductId(), Quantity: int64(req.GetQuantity())})
		if err != nil {
			return nil, err
		}
		return &depotv1.ReceiveStockResponse{Stock: stockMessage(l)}, outbox.Publish(ctx, tx, l.ProductID, &depotv1.StockReceived{
			ProductId: l.ProductID, Quantity: req.GetQuantity(),
			Received: int32(l.Received), OnHand: int32(l.OnHand), Reserved: int32(l.Reserved), Picked: int32(l.Picked),
		})
	})
}

// productRemoved says whether a product was removed from its store; an unknown
// one is not found.
func productRemoved(ctx context.Context, q database.Querier, id string) (bool, error) {
	removed, err := database.One(ctx, q, database.Value[int64], `SELECT removed FROM products WHERE id = $1`, id)
	if errors.Is(err, database.ErrNoRows) {
		return false, errProductUnknown.With("%s", id)
	}
	if err != nil {
		return false, fmt.Errorf("look up product %s: %w", id, err)
	}
	return removed == 1, nil
}
