package baskets

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"mallbots/baskets/internal/basket"
	"mallbots/internal/database"
)

// project writes the row of a basket that was checked out.
func project(_ context.Context, tx database.Tx, b *basket.Basket) error {
	if b.Status() != basket.StatusCheckedOut {
		return nil
	}
	tx.Queue(database.Statement{
		SQL: `
			INSERT INTO checkouts (basket_id, customer_id, total, currency, lines, units)
			VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (basket_id) DO NOTHING`, // nothing happens to it any more
		Args: []any{b.ID(), b.CustomerID(), b.Total(), b.Currency(), len(b.Items()), b.Units()},
	})
	return nil
}

// offers returns what is known now of products, by id; a product that nobody
// is known to sell is not among them.
func offers(ctx context.Context, q database.Querier, productIDs ...string) (map[string]basket.Offer, error) {
	if len(productIDs) == 0 {
		return nil, nil
	}
	marks := make([]string, len(productIDs))
	ids := make([]any, len(productIDs))
	for i, id := range productIDs {
		marks[i], ids[i] = "$"+strconv.Itoa(i+1), id
	}
	all, err := database.All(ctx, q, func(row database.Row) (o basket.Offer, err error) {
		var removed, participating int64
		err = row.Scan(&o.ProductID, &o.ProductName, &o.Price, &removed, &o.StoreID, &o.StoreName, &participating)
		o.Removed, o.Open = removed == 1, participating == 1
		return o, err
	}, `
		SELECT p.id, p.name, p.price, p.removed, p.store_id, COALESCE(s.name, ''), COALESCE(s.participating, 0)
		FROM products p LEFT JOIN stores s ON s.id = p.store_id
		WHERE p.id IN (`+strings.Join(marks, ", ")+`)`, ids...)
	known := make(map[string]basket.Offer, len(all))
	for _, o := range all {
		known[o.ProductID] = o
	}
	return known, err
}

// disabled reports whether a customer is known to be disabled.
func disabled(ctx context.Context, q database.Querier, customerID string) (bool, error) {
	found, err := database.All(ctx, q, database.Value[string], `SELECT id FROM disabled_customers WHERE id = $1`, customerID)
	return len(found) > 0, err
}

// checkout is a row of the read model.
type checkout struct {
	basketID, customerID string
	total                int64
	currency             string
	units                int64
}

func checkouts(ctx context.Context, q database.Querier) ([]checkout, error) {
	return database.All(ctx, q, func(row database.Row) (c checkout, err error) {
		err = row.Scan(&c.basketID, &c.customerID, &c.total, &c.currency, &c.units)
		return c, err
	}, `SELECT basket_id, customer_id, total, currency, units FROM checkouts`)
}

// checkTotals holds what was agreed at each check-out against the sum of its
// lines and against the read model.
func (m *module) checkTotals(ctx context.Context, q database.Querier) error {
	rows, err := checkouts(ctx, q)
	if err != nil {
		return err
	}
	for _, c := range rows {
		b, err := m.baskets.Load(ctx, q, c.basketID)
		if err != nil {
			return err
		}
		if b.Agreed() != b.Total() || b.Agreed() != c.total {
			return fmt.Errorf("basket %s: %d was agreed, its lines sum up to %d, the read model says %d", b.ID(), b.Agreed(), b.Total(), c.total)
		}
	}
	return nil
}

// checkoutsBook is, for the audit, what was handed over to be ordered: basket
// id → customer, total in minor units, currency, units.
func checkoutsBook(ctx context.Context, q database.Querier) (map[string]string, error) {
	rows, err := checkouts(ctx, q)
	book := map[string]string{}
	for _, c := range rows {
		book[c.basketID] = fmt.Sprintf("%s %d %s %d", c.customerID, c.total, c.currency, c.units)
	}
	return book, err
}

// storesBook is, for the audit, what is known of the stores: id → whether it
// participates, and its name.
func storesBook(ctx context.Context, q database.Querier) (map[string]string, error) {
	return book(ctx, q, func(row database.Row) (id, entry string, err error) {
		var name string
		var participating int64
		err = row.Scan(&id, &name, &participating)
		return id, fmt.Sprintf("%t %s", participating == 1, name), err
	}, `SELECT id, name, participating FROM stores`)
}

// pricesBook is, for the audit, what is known to be for sale: product id → price.
func pricesBook(ctx context.Context, q database.Querier) (map[string]string, error) {
	return book(ctx, q, func(row database.Row) (id, entry string, err error) {
		var price int64
		var currency string
		err = row.Scan(&id, &currency, &price)
		return id, fmt.Sprintf("%s %d", currency, price), err
	}, `SELECT id, currency, price FROM products WHERE removed = 0`)
}

// book collects what scan makes of each row.
func book(ctx context.Context, q database.Querier, scan func(database.Row) (id, entry string, err error), sql string) (map[string]string, error) {
	entries := map[string]string{}
	_, err := database.All(ctx, q, func(row database.Row) (struct{}, error) {
		id, entry, err := scan(row)
		entries[id] = entry
		return struct{}{}, err
	}, sql)
	return entries, err
}
