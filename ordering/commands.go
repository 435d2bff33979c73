package ordering

import (
	"context"

	"github.com/google/uuid"

	"mallbots/internal/api"
	"mallbots/internal/database"
	"mallbots/ordering/internal/customer"
	"mallbots/ordering/internal/fulfilment"
	"mallbots/ordering/internal/order"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
)

// reasonCanceled is what an order says that its customer gave up.
const reasonCanceled = "canceled by the customer"

// RegisterCustomer makes a customer known, and enabled.
func (m *module) RegisterCustomer(ctx context.Context, req *orderingv1.RegisterCustomerRequest) (*orderingv1.RegisterCustomerResponse, error) {
	return api.Mutate(ctx, m.db, req, func(ctx context.Context, tx database.Tx) (*orderingv1.RegisterCustomerResponse, error) {
		id := uuid.Must(uuid.NewV7()).String()
		return &orderingv1.RegisterCustomerResponse{Id: id}, m.customers.Create(ctx, tx, id, func(c *customer.Customer) error {
			return c.Register(req.GetName(), req.GetSmsNumber())
		})
	})
}

// RenameCustomer gives a customer another name.
func (m *module) RenameCustomer(ctx context.Context, req *orderingv1.RenameCustomerRequest) (*orderingv1.RenameCustomerResponse, error) {
	return api.Mutate(ctx, m.db, req, func(ctx context.Context, tx database.Tx) (*orderingv1.RenameCustomerResponse, error) {
		return &orderingv1.RenameCustomerResponse{}, m.customers.Update(ctx, tx, req.GetId(), func(c *customer.Customer) error {
			return c.Rename(req.GetName())
		})
	})
}

// ChangeSmsNumber gives a customer another number.
func (m *module) ChangeSmsNumber(ctx context.Context, req *orderingv1.ChangeSmsNumberRequest) (*orderingv1.ChangeSmsNumberResponse, error) {
	return api.Mutate(ctx, m.db, req, func(ctx context.Context, tx database.Tx) (*orderingv1.ChangeSmsNumberResponse, error) {
		return &orderingv1.ChangeSmsNumberResponse{}, m.customers.Update(ctx, tx, req.GetId(), func(c *customer.Customer) error {
			return c.ChangeSmsNumber(req.GetSmsNumber())
		})
	})
}

// EnableCustomer lets a customer order again.
func (m *module) EnableCustomer(ctx context.Context, req *orderingv1.EnableCustomerRequest) (*orderingv1.EnableCustomerResponse, error) {
	return api.Mutate(ctx, m.db, req, func(ctx context.Context, tx database.Tx) (*orderingv1.EnableCustomerResponse, error) {
		return &orderingv1.EnableCustomerResponse{}, m.customers.Update(ctx, tx, req.GetId(), (*customer.Customer).Enable)
	})
}

// DisableCustomer keeps a customer from ordering; orders under way go on.
func (m *module) DisableCustomer(ctx context.Context, req *orderingv1.DisableCustomerRequest) (*orderingv1.DisableCustomerResponse, error) {
	return api.Mutate(ctx, m.db, req, func(ctx context.Context, tx database.Tx) (*orderingv1.DisableCustomerResponse, error) {
		return &orderingv1.DisableCustomerResponse{}, m.customers.Update(ctx, tx, req.GetId(), (*customer.Customer).Disable)
	})
}

// CancelOrder gives an order up that is not ready yet. The depot hears of it
// and puts the goods back. The fulfilment is written before the order, as it is
// when the depot answers: whoever meets there waits in line, not in a circle.
func (m *module) CancelOrder(ctx context.Context, req *orderingv1.CancelOrderRequest) (*orderingv1.CancelOrderResponse, error) {
	return api.Mutate(ctx, m.db, req, func(ctx context.Context, tx database.Tx) (*orderingv1.CancelOrderResponse, error) {
		return &orderingv1.CancelOrderResponse{}, m.orders.Update(ctx, tx, req.GetId(), func(o *order.Order) error {
			if err := o.Cancel(reasonCanceled); err != nil {
				return err
			}
			return m.fulfilments.Update(ctx, tx, req.GetId(), (*fulfilment.Fulfilment).OrderCanceled)
		})
	})
}

// CompleteOrder hands a ready order over to its customer.
func (m *module) CompleteOrder(ctx context.Context, req *orderingv1.CompleteOrderRequest) (*orderingv1.CompleteOrderResponse, error) {
	return api.Mutate(ctx, m.db, req, func(ctx context.Context, tx database.Tx) (*orderingv1.CompleteOrderResponse, error) {
		return &orderingv1.CompleteOrderResponse{}, m.orders.Update(ctx, tx, req.GetId(), func(o *order.Order) error {
			return o.Complete(req.GetInvoiceId())
		})
	})
}
