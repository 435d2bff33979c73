package main

import (
	"context"
	"fmt"
	"time"

	"connectrpc.com/connect/v2"

	"mallbots/internal/client"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
)

// orderStatus shortens the names of the generated code.
type orderStatus = orderingv1.OrderStatus

const (
	pending   = orderingv1.OrderStatus_ORDER_STATUS_PENDING
	approved  = orderingv1.OrderStatus_ORDER_STATUS_APPROVED
	rejected  = orderingv1.OrderStatus_ORDER_STATUS_REJECTED
	ready     = orderingv1.OrderStatus_ORDER_STATUS_READY
	completed = orderingv1.OrderStatus_ORDER_STATUS_COMPLETED
	canceled  = orderingv1.OrderStatus_ORDER_STATUS_CANCELED
)

// decided reports whether the depot has answered.
func decided(s orderStatus) bool { return s != pending }

// picked reports whether nobody needs to pick the order any more.
func picked(s orderStatus) bool { return s != pending && s != approved }

// awaitOrder waits until the status of an order is as wanted, for patience at
// most. After is the position of what changed the order last, if it is known.
// It watches; a watch that breaks is finished by asking.
func (m *mall) awaitOrder(ctx context.Context, id string, wanted func(orderStatus) bool, after string) (*orderingv1.Order, error) {
	if order, err := m.watchOrder(ctx, id, wanted, after); err == nil {
		return order, nil
	}
	return m.pollOrder(ctx, id, wanted, after)
}

// watchOrder waits at the order's watch.
func (m *mall) watchOrder(ctx context.Context, id string, wanted func(orderStatus) bool, after string) (*orderingv1.Order, error) {
	ctx, cancel := context.WithTimeout(ctx, m.Patience)
	defer cancel()
	ctx, info := connect.NewClientContext(ctx)
	if after != "" {
		info.RequestHeader().Set("Mallbots-After", after)
	}
	stream, err := m.ordering.WatchOrder(ctx, &orderingv1.WatchOrderRequest{Id: id})
	if err != nil {
		return nil, fmt.Errorf("watch order %s: %w", id, err)
	}
	defer func() { _ = stream.Close() }() // the answer is in hand
	for {
		res, err := stream.Receive()
		if err != nil {
			return nil, fmt.Errorf("watch order %s: %w", id, err)
		}
		if wanted(res.GetOrder().GetStatus()) {
			return res.GetOrder(), nil
		}
	}
}

// pollOrder asks for the order again and again.
func (m *mall) pollOrder(ctx context.Context, id string, wanted func(orderStatus) bool, after string) (*orderingv1.Order, error) {
	var latest orderStatus
	changed := time.Now()
	for attempt := 0; ; attempt++ {
		res, err := ask(ctx, m, m.ordering.GetOrder, &orderingv1.GetOrderRequest{Id: id}, after)
		switch {
		case err == nil && wanted(res.GetOrder().GetStatus()):
			return res.GetOrder(), nil
		case err == nil && res.GetOrder().GetStatus() != latest:
			latest, changed = res.GetOrder().GetStatus(), time.Now()
		case err != nil && connect.CodeOf(err) != connect.CodeNotFound:
			return nil, fmt.Errorf("get order %s: %w", id, err)
		case time.Since(changed) > m.Patience:
			return nil, fmt.Errorf("order %s is %s for %s; is every module running? ask the ops listener's /readyz", id, latest, m.Patience)
		}
		// Most answers come within milliseconds; who waits for longer asks less often.
		if err := client.Sleep(ctx, min(time.Millisecond<<min(attempt, 5), 25*time.Millisecond)); err != nil {
			return nil, err
		}
	}
}

// wasApproved reports whether an order that is given up had its stock once.
func (m *mall) wasApproved(ctx context.Context, o *orderingv1.Order) (bool, error) {
	if o.GetStatus() != canceled {
		return o.GetStatus() != pending && o.GetStatus() != rejected, nil
	}
	res, err := ask(ctx, m, m.ordering.GetOrderHistory, &orderingv1.GetOrderHistoryRequest{Id: o.GetId()})
	if err != nil {
		return false, fmt.Errorf("history of order %s: %w", o.GetId(), err)
	}
	for _, e := range res.GetEvents() {
		if e.GetName() == "Approved" || e.GetName() == "OrderApproved" {
			return true, nil
		}
	}
	return false, nil
}

// errorAt says what is wrong at a place in a file.
func errorAt(where, format string, args ...any) error {
	return fmt.Errorf("%s: %w", where, fmt.Errorf(format, args...))
}
