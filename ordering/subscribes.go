package ordering

import (
	"context"
	"fmt"
	"strings"

	"mallbots/internal/database"
	"mallbots/internal/fault"
	"mallbots/ordering/internal/fulfilment"
	"mallbots/ordering/internal/order"
	basketsv1 "mallbots/proto/mallbots/baskets/v1"
	depotv1 "mallbots/proto/mallbots/depot/v1"
)

// Why an order is rejected before the depot hears of it.
const (
	reasonUnknown  = "the customer is not known"
	reasonDisabled = "the customer is disabled"
)

// errCheckout refuses a check-out that contradicts itself.
var errCheckout = fault.New(fault.Invalid, "CHECKOUT_INVALID", "the checked-out basket makes no order")

// onBasketCheckedOut places the order. It takes the basket's id, so that the
// same basket can never become two orders.
func (m *module) onBasketCheckedOut(ctx context.Context, tx database.Tx, e *basketsv1.BasketCheckedOut) error {
	items, err := checkedOutItems(e)
	if err != nil {
		return err
	}
	c, err := m.standing(ctx, tx, e.GetCustomerId(), e.GetBasketId())
	if err != nil {
		return err
	}
	if c.ordered {
		return nil
	}
	reason := ""
	switch {
	case !c.known:
		reason = reasonUnknown
	case !c.enabled:
		reason = reasonDisabled
	}
	err = m.orders.Create(ctx, tx, e.GetBasketId(), func(o *order.Order) error {
		if err := o.Place(e.GetCustomerId(), e.GetPaymentId(), e.GetTotal().GetCurrencyCode(), items); err != nil {
			return err
		}
		if o.Total() != e.GetTotal().GetMinorUnits() {
			return errCheckout.With("its lines make %d, its total says %d", o.Total(), e.GetTotal().GetMinorUnits())
		}
		if reason != "" {
			return o.Reject(reason)
		}
		return nil
	})
	if err != nil || reason != "" {
		return err
	}
	return m.fulfilments.Create(ctx, tx, e.GetBasketId(), func(f *fulfilment.Fulfilment) error {
		return f.OrderPlaced(m.now().Add(m.patience))
	})
}

// checkedOutItems are the lines as the order keeps them.
func checkedOutItems(e *basketsv1.BasketCheckedOut) ([]order.Item, error) {
	if e.GetBasketId() == "" || e.GetCustomerId() == "" {
		return nil, errCheckout.With("it names no basket or no customer")
	}
	items := make([]order.Item, 0, len(e.GetItems()))
	for i, item := range e.GetItems() {
		if item.GetPrice().GetCurrencyCode() != e.GetTotal().GetCurrencyCode() {
			return nil, errCheckout.With("line %d is in another currency than the total", i+1)
		}
		items = append(items, order.Item{
			StoreID: item.GetStoreId(), ProductID: item.GetProductId(),
			StoreName: item.GetStoreName(), ProductName: item.GetProductName(),
			Price: item.GetPrice().GetMinorUnits(), Quantity: int64(item.GetQuantity()),
		})
	}
	return items, nil
}

// standing is what a check-out has to know of its customer.
type standing struct{ known, enabled, ordered bool }

// standing reads, in one round trip, whether a customer may order, and whether
// the basket has become an order before.
func (m *module) standing(ctx context.Context, q database.Querier, customerID, orderID string) (standing, error) {
	s, err := database.One(ctx, q, func(row database.Row) (standing, error) {
		var enabled, ordered int64
		err := row.Scan(&enabled, &ordered)
		return standing{known: enabled >= 0, enabled: enabled == 1, ordered: ordered > 0}, err
	}, `
		SELECT COALESCE((SELECT enabled FROM customers WHERE id = $1), -1),
			(SELECT COUNT(*) FROM orders WHERE id = $2)`, customerID, orderID)
	if err != nil {
		return s, fmt.Errorf("look up customer %s: %w", customerID, err)
	}
	return s, nil
}

// onStockReserved tells the fulfilment that the depot holds the goods.
func (m *module) onStockReserved(ctx context.Context, tx database.Tx, e *depotv1.StockReserved) error {
	return m.fulfilments.Update(ctx, tx, e.GetOrderId(), (*fulfilment.Fulfilment).StockReserved)
}

// onStockReservationFailed tells the fulfilment what is short.
func (m *module) onStockReservationFailed(ctx context.Context, tx database.Tx, e *depotv1.StockReservationFailed) error {
	return m.fulfilments.Update(ctx, tx, e.GetOrderId(), func(f *fulfilment.Fulfilment) error {
		return f.StockRefused(shortage(e.GetShortages()))
	})
}

// shortage says in words for the customer what is short.
func shortage(short []*depotv1.StockShortage) string {
	if len(short) == 0 {
		return fulfilment.ReasonRefused
	}
	const most = 5 // of a long list the first few are enough
	var parts []string
	for i, s := range short {
		if i == most {
			parts = append(parts, fmt.Sprintf("and %d more", len(short)-most))
			break
		}
		parts = append(parts, fmt.Sprintf("product %s: %d ordered, %d on hand", s.GetProductId(), s.GetRequested(), s.GetAvailable()))
	}
	return "out of stock: " + strings.Join(parts, "; ")
}

// onShoppingListCompleted tells the fulfilment that the goods are picked.
func (m *module) onShoppingListCompleted(ctx context.Context, tx database.Tx, e *depotv1.ShoppingListCompleted) error {
	return m.fulfilments.Update(ctx, tx, e.GetOrderId(), (*fulfilment.Fulfilment).ListCompleted)
}

// onShoppingListCanceled tells the fulfilment that nobody will pick the goods.
func (m *module) onShoppingListCanceled(ctx context.Context, tx database.Tx, e *depotv1.ShoppingListCanceled) error {
	return m.fulfilments.Update(ctx, tx, e.GetOrderId(), func(f *fulfilment.Fulfilment) error {
		return f.ListCanceled(e.GetReason())
	})
}
