package ordering

import (
	"context"
	"fmt"
	"strings"

	"mallbots/internal/database"
)

// checkTotals says which orders do not cost what their lines cost.
func checkTotals(ctx context.Context, q database.Querier) error {
	return none(ctx, q, "the total or the number of units is not that of the lines", `
		SELECT o.id FROM orders o
		LEFT JOIN (
			SELECT order_id, SUM(price * quantity) AS total, SUM(quantity) AS units FROM order_items GROUP BY order_id
		) i ON i.order_id = o.id
		WHERE o.total <> COALESCE(i.total, 0) OR o.item_count <> COALESCE(i.units, 0)
		ORDER BY o.id LIMIT 10`)
}

// checkDeadlines says which orders wait for ever, or have a deadline for nothing.
func checkDeadlines(ctx context.Context, q database.Querier) error {
	if err := none(ctx, q, "pending without a deadline", `
		SELECT o.id FROM orders o
		LEFT JOIN timers t ON t.name = '`+deadline+`' AND t.key = o.id
		WHERE o.status = 'PENDING' AND t.key IS NULL
		ORDER BY o.id LIMIT 10`); err != nil {
		return err
	}
	return none(ctx, q, "a deadline for an order that is not pending", `
		SELECT t.key FROM timers t
		LEFT JOIN orders o ON o.id = t.key
		WHERE t.name = '`+deadline+`' AND COALESCE(o.status, '') <> 'PENDING'
		ORDER BY t.key LIMIT 10`)
}

// none returns an error that names the ids that a query finds.
func none(ctx context.Context, q database.Querier, problem, sql string) error {
	ids, err := database.All(ctx, q, database.Value[string], sql)
	if err == nil && len(ids) > 0 {
		err = fmt.Errorf("%s: order %s", problem, strings.Join(ids, ", "))
	}
	return err
}

// checkoutsBook is, for the audit, every order: id → customer, total, currency,
// units. It must be what the baskets say was checked out.
func checkoutsBook(ctx context.Context, q database.Querier) (map[string]string, error) {
	return readBook(ctx, q, func(row database.Row) (e entry, err error) {
		var customerID, currency string
		var total, units int64
		err = row.Scan(&e.key, &customerID, &total, &currency, &units)
		e.value = fmt.Sprintf("%s %d %s %d", customerID, total, currency, units)
		return e, err
	}, `SELECT id, customer_id, total, currency, item_count FROM orders`)
}

// reservedBook is, for the audit, what open orders hold: product → units. It
// must be what the depot has reserved.
func reservedBook(ctx context.Context, q database.Querier) (map[string]string, error) {
	return unitsBook(ctx, q, `'APPROVED'`)
}

// pickedBook is, for the audit, what ready and completed orders hold: product →
// units. It must be what the depot has picked.
func pickedBook(ctx context.Context, q database.Querier) (map[string]string, error) {
	return unitsBook(ctx, q, `'READY', 'COMPLETED'`)
}

func unitsBook(ctx context.Context, q database.Querier, statuses string) (map[string]string, error) {
	return readBook(ctx, q, func(row database.Row) (e entry, err error) {
		var units int64
		err = row.Scan(&e.key, &units)
		e.value = fmt.Sprint(units)
		return e, err
	}, `
		SELECT i.product_id, CAST(SUM(i.quantity) AS BIGINT) FROM order_items i
		JOIN orders o ON o.id = i.order_id
		WHERE o.status IN (`+statuses+`) GROUP BY i.product_id`)
}

// listsBook is, for the audit, which orders have a shopping list, and whether
// it is picked.
func listsBook(ctx context.Context, q database.Querier) (map[string]string, error) {
	return readBook(ctx, q, func(row database.Row) (e entry, err error) {
		err = row.Scan(&e.key, &e.value)
		return e, err
	}, `
		SELECT id, CASE status WHEN 'APPROVED' THEN 'open' ELSE 'completed' END FROM orders
		WHERE status IN ('APPROVED', 'READY', 'COMPLETED')`)
}

// entry is one line of a book.
type entry struct{ key, value string }

func readBook(ctx context.Context, q database.Querier, scan func(database.Row) (entry, error), sql string) (map[string]string, error) {
	rows, err := database.All(ctx, q, scan, sql)
	book := make(map[string]string, len(rows))
	for _, e := range rows {
		book[e.key] = e.value
	}
	return book, err
}
