package ordering

import (
	"context"

	"mallbots/internal/database"
	"mallbots/internal/outbox"
	"mallbots/internal/timers"
	"mallbots/ordering/internal/customer"
	"mallbots/ordering/internal/fulfilment"
	"mallbots/ordering/internal/order"
	moneyv1 "mallbots/proto/mallbots/money/v1"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
)

// publishCustomer puts into the outbox what the rest of the mall may know of a
// customer: never the name, never the number.
func publishCustomer(ctx context.Context, tx database.Tx, c *customer.Customer, e customer.Event) error {
	switch e.(type) {
	case customer.Registered, customer.Enabled:
		return outbox.Publish(ctx, tx, c.ID(), &orderingv1.CustomerEnabled{CustomerId: c.ID()})
	case customer.Disabled:
		return outbox.Publish(ctx, tx, c.ID(), &orderingv1.CustomerDisabled{CustomerId: c.ID()})
	case customer.Renamed, customer.SmsNumberChanged: // nobody else's business
	}
	return nil
}

// snapshotCustomer publishes all that the rest of the mall may know of a customer.
func snapshotCustomer(ctx context.Context, tx database.Tx, c *customer.Customer) error {
	if c.Enabled() {
		return outbox.Snapshot(ctx, tx, c.ID(), &orderingv1.CustomerEnabled{CustomerId: c.ID()})
	}
	return outbox.Snapshot(ctx, tx, c.ID(), &orderingv1.CustomerDisabled{CustomerId: c.ID()})
}

// publishOrder puts into the outbox what the rest of the mall may know of an order.
func publishOrder(ctx context.Context, tx database.Tx, o *order.Order, e order.Event) error {
	switch e := e.(type) {
	case order.Placed:
		if o.Status() != order.StatusPending {
			return nil // rejected in the same breath: the depot has nothing to do
		}
		return outbox.Publish(ctx, tx, o.ID(), &orderingv1.OrderCreated{
			OrderId: o.ID(), CustomerId: o.CustomerID(), Items: createdItems(o), Total: money(o.Currency(), o.Total()),
		})
	case order.Approved:
		return outbox.Publish(ctx, tx, o.ID(), &orderingv1.OrderApproved{OrderId: o.ID(), CustomerId: o.CustomerID()})
	case order.Rejected:
		return outbox.Publish(ctx, tx, o.ID(), &orderingv1.OrderRejected{OrderId: o.ID(), CustomerId: o.CustomerID(), Reason: e.Reason})
	case order.Readied:
		return outbox.Publish(ctx, tx, o.ID(), &orderingv1.OrderReadied{
			OrderId: o.ID(), CustomerId: o.CustomerID(), Total: money(o.Currency(), o.Total()),
		})
	case order.Completed:
		return outbox.Publish(ctx, tx, o.ID(), &orderingv1.OrderCompleted{OrderId: o.ID(), CustomerId: o.CustomerID(), InvoiceId: e.InvoiceID})
	case order.Canceled:
		return outbox.Publish(ctx, tx, o.ID(), &orderingv1.OrderCanceled{OrderId: o.ID(), CustomerId: o.CustomerID(), Reason: e.Reason})
	}
	return nil
}

// carryOut does what a fulfilment has decided: on the order, which tells the
// mall, and on the deadline, which is a row in the same transaction.
func (m *module) carryOut(ctx context.Context, tx database.Tx, f *fulfilment.Fulfilment, e fulfilment.Event) error {
	switch e := e.(type) {
	case fulfilment.Started:
		return timers.Set(ctx, tx, deadline, f.ID(), e.Deadline)
	case fulfilment.Approved:
		if err := timers.Cancel(ctx, tx, deadline, f.ID()); err != nil {
			return err
		}
		return m.orders.Update(ctx, tx, f.ID(), (*order.Order).Approve)
	case fulfilment.Rejected:
		if err := timers.Cancel(ctx, tx, deadline, f.ID()); err != nil {
			return err
		}
		return m.orders.Update(ctx, tx, f.ID(), func(o *order.Order) error { return o.Reject(e.Reason) })
	case fulfilment.Readied:
		return m.orders.Update(ctx, tx, f.ID(), (*order.Order).Ready)
	case fulfilment.Canceled:
		if err := timers.Cancel(ctx, tx, deadline, f.ID()); err != nil {
			return err
		}
		return m.orders.Update(ctx, tx, f.ID(), func(o *order.Order) error { return o.Cancel(e.Reason) })
	case fulfilment.Closed:
		return timers.Cancel(ctx, tx, deadline, f.ID())
	case fulfilment.StockReserved, fulfilment.StockRefused, fulfilment.ListCompleted, fulfilment.ListCanceled,
		fulfilment.OrderCanceled, fulfilment.GaveUp: // facts: the decision follows
	}
	return nil
}

func createdItems(o *order.Order) []*orderingv1.OrderCreatedItem {
	items := make([]*orderingv1.OrderCreatedItem, 0, len(o.Items()))
	for _, item := range o.Items() {
		items = append(items, &orderingv1.OrderCreatedItem{
			StoreId: item.StoreID, ProductId: item.ProductID, StoreName: item.StoreName, ProductName: item.ProductName,
			Price: money(o.Currency(), item.Price), Quantity: int32(item.Quantity),
		})
	}
	return items
}

func money(currency string, minorUnits int64) *moneyv1.Money {
	return &moneyv1.Money{CurrencyCode: currency, MinorUnits: minorUnits}
}
