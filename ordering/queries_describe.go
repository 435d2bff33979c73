package ordering

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mallbots/internal/database"
	"mallbots/internal/host"
	"mallbots/ordering/internal/order"
)

// describe says to an operator what this module knows by an id: an order or a
// customer. It names no person.
func (m *module) describe(ctx context.Context, q database.Querier, id string) ([]host.Subject, error) {
	o, err := m.order(ctx, q, id)
	if errors.Is(err, m.orders.ErrNotFound()) {
		return describeCustomer(ctx, q, id)
	}
	if err != nil {
		return nil, err
	}
	s := orderSubject(o)
	if order.Status(o.status) == order.StatusPending {
		due, err := database.All(ctx, q, database.Value[int64], `SELECT due_at FROM timers WHERE name = $1 AND key = $2`, deadline, id)
		if err != nil {
			return nil, fmt.Errorf("read the deadline of order %s: %w", id, err)
		}
		if len(due) > 0 {
			s.Until = database.Time(due[0])
		}
	}
	return []host.Subject{s}, nil
}

func describeCustomer(ctx context.Context, q database.Querier, id string) ([]host.Subject, error) {
	return database.All(ctx, q, func(row database.Row) (host.Subject, error) {
		s := host.Subject{Kind: "customer", ID: id, State: "DISABLED"}
		var enabled int64
		err := row.Scan(&enabled)
		if enabled == 1 {
			s.State = "ENABLED"
		}
		return s, err
	}, `SELECT enabled FROM customers WHERE id = $1`, id)
}

// orderSubject is an order, with what it waits for.
func orderSubject(o orderRow) host.Subject {
	s := host.Subject{
		Kind: "order", ID: o.id, State: o.status, Since: database.Time(o.updatedAt), Currency: o.currency, Money: o.total, Customer: o.customerID,
	}
	switch order.Status(o.status) {
	case order.StatusPending:
		s.WaitsFor = "the depot to reserve its goods"
		s.Command = "DELETE /api/ordering/" + o.id + " cancels it"
	case order.StatusApproved:
		s.WaitsFor = "a bot to pick its goods"
		s.Command = "DELETE /api/ordering/" + o.id + " cancels it"
	case order.StatusReady:
		s.WaitsFor = "the customer to collect it"
	case order.StatusNone, order.StatusRejected, order.StatusCompleted, order.StatusCanceled:
	}
	return s
}

// unfinished lists the orders that wait for somebody but the customer, and have
// not changed since a moment.
func unfinished(ctx context.Context, q database.Querier, before time.Time, limit int) ([]host.Subject, error) {
	var all []host.Subject
	for _, status := range []order.Status{order.StatusPending, order.StatusApproved} {
		found, err := database.All(ctx, q, func(row database.Row) (host.Subject, error) {
			o := orderRow{status: string(status)}
			err := row.Scan(&o.id, &o.customerID, &o.currency, &o.total, &o.updatedAt)
			return orderSubject(o), err
		}, `SELECT id, customer_id, currency, total, updated_at FROM orders
			WHERE status = $1 AND created_at < $2 AND updated_at < $2 ORDER BY created_at, id LIMIT $3`,
			string(status), database.Micros(before), int64(limit))
		if err != nil {
			return nil, fmt.Errorf("list unfinished orders: %w", err)
		}
		all = append(all, found...)
	}
	return all, nil
}
