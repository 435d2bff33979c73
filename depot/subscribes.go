package depot

import (
	"context"
	"errors"
	"fmt"

	"mallbots/depot/internal/shoppinglist"
	"mallbots/depot/internal/stock"
	"mallbots/internal/database"
	"mallbots/internal/fault"
	"mallbots/internal/outbox"
	"mallbots/internal/sabotage"
	depotv1 "mallbots/proto/mallbots/depot/v1"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

// errOrder refuses an order that nobody could reserve.
var errOrder = fault.New(fault.Invalid, "ORDER_INVALID", "the order cannot be reserved")

// What the depot has answered to an order.
const (
	stateReserved = "reserved"
	stateFailed   = "failed"
	stateEnded    = "ended" // before it was heard of
)

// onOrderCreated reserves all goods of an order and lists them, or reserves
// none and says what is short. An order that has ended already reserves nothing.
func (m *module) onOrderCreated(ctx context.Context, tx database.Tx, e *orderingv1.OrderCreated) error {
	items, lines, err := ordered(e)
	if err != nil {
		return err
	}
	fresh, err := note(ctx, tx, e.GetOrderId(), stateReserved)
	if err != nil || !fresh {
		return err
	}
	short, err := reserve(ctx, tx, e.GetOrderId(), lines)
	if err != nil {
		return err
	}
	if len(short) > 0 {
		tx.Queue(database.Statement{
			SQL: `UPDATE reservations SET state = $2 WHERE order_id = $1`, Args: []any{e.GetOrderId(), stateFailed}, Rows: 1,
		})
		return outbox.Publish(ctx, tx, e.GetOrderId(), &depotv1.StockReservationFailed{OrderId: e.GetOrderId(), Shortages: short})
	}
	return m.lists.Create(ctx, tx, e.GetOrderId(), func(l *shoppinglist.List) error { return l.Create(items) })
}

// ordered are the goods of an order: as items to pick, lines of one product
// summed, in the order of the basket; and as lines to reserve.
func ordered(e *orderingv1.OrderCreated) ([]shoppinglist.Item, []stock.Line, error) {
	if e.GetOrderId() == "" {
		return nil, nil, errOrder.With("it has no id")
	}
	var items []shoppinglist.Item
	var lines []stock.Line
	index := map[string]int{}
	for _, line := range e.GetItems() {
		lines = append(lines, stock.Line{ProductID: line.GetProductId(), Quantity: int64(line.GetQuantity())})
		i, known := index[line.GetProductId()]
		if !known {
			i = len(items)
			index[line.GetProductId()] = i
			items = append(items, shoppinglist.Item{
				StoreID: line.GetStoreId(), StoreName: line.GetStoreName(),
				ProductID: line.GetProductId(), ProductName: line.GetProductName(),
			})
		}
		items[i].Quantity += int64(line.GetQuantity())
	}
	lines, err := stock.Sum(lines)
	if err != nil {
		return nil, nil, errOrder.With("order %s: %s", e.GetOrderId(), err)
	}
	return items, lines, nil
}

// onOrderRejected gives back what was reserved for an order after ordering had
// lost its patience.
func (m *module) onOrderRejected(ctx context.Context, tx database.Tx, e *orderingv1.OrderRejected) error {
	if sabotage.On(sabotage.KeepLate) {
		return nil
	}
	return m.callOff(ctx, tx, e.GetOrderId(), e.GetReason())
}

// onOrderCanceled gives back what the order holds, reserved or picked.
func (m *module) onOrderCanceled(ctx context.Context, tx database.Tx, e *orderingv1.OrderCanceled) error {
	if sabotage.On(sabotage.DeafToCancel) {
		return nil
	}
	return m.callOff(ctx, tx, e.GetOrderId(), e.GetReason())
}

// callOff ends the list of an order that is no more. An order that the depot has
// not heard of yet is noted, so that it reserves nothing when it comes late; one
// whose reservation failed has nothing to give back.
func (m *module) callOff(ctx context.Context, tx database.Tx, orderID, reason string) error {
	fresh, err := note(ctx, tx, orderID, stateEnded)
	if err != nil || fresh {
		return err
	}
	err = m.lists.Update(ctx, tx, orderID, func(l *shoppinglist.List) error { return l.CallOff(reason) })
	if errors.Is(err, m.lists.ErrNotFound()) {
		return nil
	}
	return err
}

// note writes down what becomes of an order, and says whether it is the first
// that the depot hears of it.
func note(ctx context.Context, tx database.Tx, orderID, state string) (fresh bool, err error) {
	noted, err := tx.Exec(ctx, `
		INSERT INTO reservations (order_id, state) VALUES ($1, $2) ON CONFLICT (order_id) DO NOTHING`, orderID, state)
	if err != nil {
		return false, fmt.Errorf("note order %s: %w", orderID, err)
	}
	return noted == 1, nil
}

// onStoreCreated learns where a store is.
func (m *module) onStoreCreated(_ context.Context, tx database.Tx, e *storesv1.StoreCreated) error {
	tx.Queue(database.Statement{
		SQL: `
			INSERT INTO stores (id, name, location) VALUES ($1, $2, $3)
			ON CONFLICT (id) DO UPDATE SET name = excluded.name, location = excluded.location`,
		Args: []any{e.GetStoreId(), e.GetName(), e.GetLocation()},
	})
	return nil
}

// onStoreRebranded learns a store's new name.
func (m *module) onStoreRebranded(_ context.Context, tx database.Tx, e *storesv1.StoreRebranded) error {
	tx.Queue(database.Statement{SQL: `UPDATE stores SET name = $2 WHERE id = $1`, Args: []any{e.GetStoreId(), e.GetName()}})
	return nil
}

// onProductAdded learns of a product that can be received from now on, or of
// what it is now.
func (m *module) onProductAdded(_ context.Context, tx database.Tx, e *storesv1.ProductAdded) error {
	removed := 0
	if e.GetRemoved() {
		removed = 1
	}
	tx.Queue(database.Statement{
		SQL: `
			INSERT INTO products (id, store_id, name, removed) VALUES ($1, $2, $3, $4)
			ON CONFLICT (id) DO UPDATE SET store_id = excluded.store_id, name = excluded.name, removed = excluded.removed`,
		Args: []any{e.GetProductId(), e.GetStoreId(), e.GetName(), removed},
	})
	return nil
}

// onProductRebranded learns a product's new name.
func (m *module) onProductRebranded(_ context.Context, tx database.Tx, e *storesv1.ProductRebranded) error {
	tx.Queue(database.Statement{SQL: `UPDATE products SET name = $2 WHERE id = $1`, Args: []any{e.GetProductId(), e.GetName()}})
	return nil
}

// onProductRemoved learns of a product that will not be received any more.
func (m *module) onProductRemoved(_ context.Context, tx database.Tx, e *storesv1.ProductRemoved) error {
	tx.Queue(database.Statement{SQL: `UPDATE products SET removed = 1 WHERE id = $1`, Args: []any{e.GetProductId()}})
	return nil
}
