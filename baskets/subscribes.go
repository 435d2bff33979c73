package baskets

import (
	"context"

	"mallbots/baskets/internal/basket"
	"mallbots/internal/database"
	"mallbots/internal/fault"
	moneyv1 "mallbots/proto/mallbots/money/v1"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

// What is wrong with an event that can not be taken in. Such a message goes to
// the dead letters.
var (
	errNeverSeen = fault.New(fault.NotFound, "NEVER_ANNOUNCED", "the first event about it was never seen")
	errPrice     = fault.New(fault.Invalid, "PRICE_UNUSABLE", "the price is not one that a basket can hold")
)

// onStoreCreated keeps a new store.
func (m *module) onStoreCreated(_ context.Context, tx database.Tx, e *storesv1.StoreCreated) error {
	tx.Queue(database.Statement{
		SQL: `
			INSERT INTO stores (id, name, participating) VALUES ($1, $2, $3)
			ON CONFLICT (id) DO UPDATE SET name = excluded.name, participating = excluded.participating`,
		Args: []any{e.GetStoreId(), e.GetName(), truth(e.GetParticipating())},
	})
	return nil
}

// onStoreRebranded keeps a store's new name.
func (m *module) onStoreRebranded(_ context.Context, tx database.Tx, e *storesv1.StoreRebranded) error {
	change(tx, `UPDATE stores SET name = $2 WHERE id = $1`, e.GetStoreId(), e.GetName())
	return nil
}

// onStoreParticipationChanged opens or closes a store.
func (m *module) onStoreParticipationChanged(_ context.Context, tx database.Tx, e *storesv1.StoreParticipationChanged) error {
	change(tx, `UPDATE stores SET participating = $2 WHERE id = $1`, e.GetStoreId(), truth(e.GetParticipating()))
	return nil
}

// onProductAdded keeps a new product, or what it is now, whether its store is known yet or not.
func (m *module) onProductAdded(_ context.Context, tx database.Tx, e *storesv1.ProductAdded) error {
	if err := m.checkPrice(e.GetPrice()); err != nil {
		return err
	}
	tx.Queue(database.Statement{
		SQL: `
			INSERT INTO products (id, store_id, name, price, currency, removed) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (id) DO UPDATE SET
				store_id = excluded.store_id, name = excluded.name,
				price = excluded.price, currency = excluded.currency, removed = excluded.removed`,
		Args: []any{e.GetProductId(), e.GetStoreId(), e.GetName(), e.GetPrice().GetMinorUnits(), e.GetPrice().GetCurrencyCode(), truth(e.GetRemoved())},
	})
	return nil
}

// onProductRebranded keeps a product's new name.
func (m *module) onProductRebranded(_ context.Context, tx database.Tx, e *storesv1.ProductRebranded) error {
	change(tx, `UPDATE products SET name = $2 WHERE id = $1`, e.GetProductId(), e.GetName())
	return nil
}

// onProductPriceChanged keeps a product's new price.
func (m *module) onProductPriceChanged(_ context.Context, tx database.Tx, e *storesv1.ProductPriceChanged) error {
	if err := m.checkPrice(e.GetPrice()); err != nil {
		return err
	}
	change(tx, `UPDATE products SET price = $2 WHERE id = $1`, e.GetProductId(), e.GetPrice().GetMinorUnits())
	return nil
}

// onProductRemoved remembers that a product is sold no more.
func (m *module) onProductRemoved(_ context.Context, tx database.Tx, e *storesv1.ProductRemoved) error {
	change(tx, `UPDATE products SET removed = $2 WHERE id = $1`, e.GetProductId(), 1)
	return nil
}

// onCustomerEnabled lets a customer start baskets.
func (m *module) onCustomerEnabled(_ context.Context, tx database.Tx, e *orderingv1.CustomerEnabled) error {
	tx.Queue(database.Statement{SQL: `DELETE FROM disabled_customers WHERE id = $1`, Args: []any{e.GetCustomerId()}})
	return nil
}

// onCustomerDisabled stops a customer from starting baskets. Those that are
// open stay open: the order decides.
func (m *module) onCustomerDisabled(_ context.Context, tx database.Tx, e *orderingv1.CustomerDisabled) error {
	tx.Queue(database.Statement{
		SQL:  `INSERT INTO disabled_customers (id) VALUES ($1) ON CONFLICT (id) DO NOTHING`,
		Args: []any{e.GetCustomerId()},
	})
	return nil
}

// change queues an update of the one row with id, which must be there: the
// inbox keeps the order of all that is said about one id.
func change(tx database.Tx, sql, id string, to any) {
	tx.Queue(database.Statement{SQL: sql, Args: []any{id, to}, Rows: 1, Else: errNeverSeen.With("%s", id)})
}

// checkPrice refuses a price that would break a total.
func (m *module) checkPrice(price *moneyv1.Money) error {
	if price.GetCurrencyCode() != m.currency {
		return errPrice.With("the mall trades in %s, the price is in %q", m.currency, price.GetCurrencyCode())
	}
	if price.GetMinorUnits() < 0 || price.GetMinorUnits() > basket.MaxPrice {
		return errPrice.With("%d minor units; want 0 to %d", price.GetMinorUnits(), int64(basket.MaxPrice))
	}
	return nil
}

// truth is how a yes or no is stored.
func truth(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}
