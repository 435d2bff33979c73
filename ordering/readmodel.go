package ordering

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"mallbots/internal/database"
	"mallbots/internal/identity"
	"mallbots/internal/personal"
	"mallbots/ordering/internal/customer"
	"mallbots/ordering/internal/order"
)

// projectCustomer writes a customer's row, the name sealed.
func (m *module) projectCustomer(ctx context.Context, tx database.Tx, c *customer.Customer) error {
	name, err := m.keys.Seal(ctx, tx, c.ID(), c.Name())
	if err != nil {
		return err
	}
	enabled := 0
	if c.Enabled() {
		enabled = 1
	}
	tx.Queue(database.Statement{
		SQL: `
			INSERT INTO customers (id, name, enabled) VALUES ($1, $2, $3)
			ON CONFLICT (id) DO UPDATE SET name = excluded.name, enabled = excluded.enabled`,
		Args: []any{c.ID(), name, enabled},
	})
	return nil
}

// orderTopic wakes who watches an order.
func orderTopic(id string) string { return "orders/" + id }

// projectOrder writes an order's row and its lines, and wakes who watches it.
// The lines never change, so they are written once.
func projectOrder(_ context.Context, tx database.Tx, o *order.Order) error {
	tx.Queue(database.Statement{
		SQL: `
			INSERT INTO orders (id, customer_id, payment_id, currency, total, item_count, status, reason, created_at, updated_at, version)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
			ON CONFLICT (id) DO UPDATE SET
				status = excluded.status, reason = excluded.reason,
				updated_at = excluded.updated_at, version = excluded.version`,
		Args: []any{
			o.ID(), o.CustomerID(), o.PaymentID(), o.Currency(), o.Total(), o.Units(), string(o.Status()), o.Reason(),
			database.Micros(o.CreatedAt()), database.Micros(o.UpdatedAt()), o.Version(),
		},
	})
	if !o.Loaded() {
		projectItems(tx, o)
	}
	tx.NotifyAll(orderTopic(o.ID()))
	return nil
}

// projectItems writes all lines of an order at once.
func projectItems(tx database.Tx, o *order.Order) {
	rows := make([]string, 0, len(o.Items()))
	args := []any{o.ID()}
	for line, item := range o.Items() {
		n := len(args)
		rows = append(rows, fmt.Sprintf("($1, $%d, $%d, $%d, $%d, $%d, $%d, $%d)", n+1, n+2, n+3, n+4, n+5, n+6, n+7))
		args = append(args, line, item.StoreID, item.ProductID, item.StoreName, item.ProductName, item.Price, item.Quantity)
	}
	tx.Queue(database.Statement{
		SQL: `
			INSERT INTO order_items (order_id, line, store_id, product_id, store_name, product_name, price, quantity)
			VALUES ` + strings.Join(rows, ", "),
		Args: args, Rows: int64(len(rows)),
	})
}

// orderRow is an order as the queries see it.
type orderRow struct {
	id, customerID, customerName, paymentID, currency string
	total, itemCount                                  int64
	status, reason                                    string
	createdAt, updatedAt, version                     int64
	items                                             []order.Item
	key                                               []byte // with which the name is sealed
}

// Orders are read with their customers' current names.
const (
	orderColumns = `o.id, o.customer_id, COALESCE(c.name, ''), k.key, o.payment_id, o.currency, o.total, o.item_count,
		o.status, o.reason, o.created_at, o.updated_at, o.version`
	fromOrders = `FROM orders o
		LEFT JOIN customers c ON c.id = o.customer_id
		LEFT JOIN personal_keys k ON k.person = o.customer_id`
	selectOrders = `SELECT ` + orderColumns + ` ` + fromOrders
)

// columns are where orderColumns go.
func (o *orderRow) columns() []any {
	return []any{
		&o.id, &o.customerID, &o.customerName, &o.key, &o.paymentID, &o.currency, &o.total, &o.itemCount,
		&o.status, &o.reason, &o.createdAt, &o.updatedAt, &o.version,
	}
}

func scanOrder(row database.Row) (o orderRow, err error) {
	if err := row.Scan(o.columns()...); err != nil {
		return o, err
	}
	o.customerName, err = personal.Unseal(o.key, o.customerID, o.customerName)
	return o, err
}

// order returns one order, or not found: neither is one that is not the
// caller's. Each of its lines comes with all of it, in one round trip.
func (m *module) order(ctx context.Context, q database.Querier, id string) (orderRow, error) {
	rows, err := database.All(ctx, q, scanOrderLine, `
		SELECT `+orderColumns+`, i.store_id, i.product_id, i.store_name, i.product_name, i.price, i.quantity
		`+fromOrders+` JOIN order_items i ON i.order_id = o.id WHERE o.id = $1 ORDER BY i.line`, id)
	if err != nil {
		return orderRow{}, fmt.Errorf("read order %s: %w", id, err)
	}
	if len(rows) == 0 || !identity.OwnsCustomer(ctx, rows[0].customerID) {
		return orderRow{}, m.orders.ErrNotFound().With("%s", id)
	}
	o := rows[0]
	for _, line := range rows[1:] {
		o.items = append(o.items, line.items...)
	}
	o.customerName, err = personal.Unseal(o.key, o.customerID, o.customerName)
	return o, err
}

// scanOrderLine reads an order with one of its lines, the name still sealed.
func scanOrderLine(row database.Row) (o orderRow, err error) {
	o.items = make([]order.Item, 1)
	i := &o.items[0]
	err = row.Scan(append(o.columns(), &i.StoreID, &i.ProductID, &i.StoreName, &i.ProductName, &i.Price, &i.Quantity)...)
	return o, err
}

// itemRow is one line with the order it belongs to.
type itemRow struct {
	orderID string
	order.Item
}

// addItems reads the lines of all orders in one query.
func addItems(ctx context.Context, q database.Querier, orders []orderRow) error {
	if len(orders) == 0 {
		return nil
	}
	index := map[string]int{}
	ids := make([]any, 0, len(orders))
	places := make([]string, 0, len(orders))
	for i, o := range orders {
		index[o.id] = i
		ids = append(ids, o.id)
		places = append(places, fmt.Sprintf("$%d", i+1))
	}
	items, err := database.All(ctx, q, func(row database.Row) (i itemRow, err error) {
		err = row.Scan(&i.orderID, &i.StoreID, &i.ProductID, &i.StoreName, &i.ProductName, &i.Price, &i.Quantity)
		return i, err
	}, `
		SELECT order_id, store_id, product_id, store_name, product_name, price, quantity FROM order_items
		WHERE order_id IN (`+strings.Join(places, ", ")+`) ORDER BY order_id, line`, ids...)
	if err != nil {
		return fmt.Errorf("read the lines of orders: %w", err)
	}
	for _, item := range items {
		o := &orders[index[item.orderID]]
		o.items = append(o.items, item.Item)
	}
	return nil
}

// customerName is how a customer is called now; empty for one who is unknown
// or erased.
func (m *module) customerName(ctx context.Context, q database.Querier, id string) (string, error) {
	sealed, err := database.One(ctx, q, database.Value[string], `SELECT name FROM customers WHERE id = $1`, id)
	if errors.Is(err, database.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the name of customer %s: %w", id, err)
	}
	return m.keys.Open(ctx, q, id, sealed)
}
