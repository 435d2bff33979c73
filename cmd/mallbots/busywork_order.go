package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"mallbots/internal/client"
	basketsv1 "mallbots/proto/mallbots/baskets/v1"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
)

// placed is an order whose check-out was answered.
type placed struct {
	id, position string
	began        time.Time // when the check-out was sent
}

// checkOut checks a basket out, at new prices if the old ones don't hold any more.
func (w *busywork) checkOut(ctx context.Context, basketID string) (*placed, error) {
	began := time.Now()
	position, err := w.checkOutOnce(ctx, basketID, false)
	if err != nil && client.Reason(err) == "PRICE_CHANGED" {
		w.refusals.count("PRICE_CHANGED")
		began = time.Now()
		position, err = w.checkOutOnce(ctx, basketID, true)
	}
	if err != nil {
		return nil, fmt.Errorf("check out: %w", err)
	}
	w.checkouts.add(time.Since(began))
	w.orders.Add(1)
	return &placed{id: basketID, position: position, began: began}, nil
}

// follow waits for the decision about an order, and now and then cancels it then.
func (w *busywork) follow(ctx context.Context, o placed) error {
	status, err := w.awaitDecision(ctx, o.id, o.position)
	if err != nil {
		return err
	}
	w.decided(status, o.began)
	if status != approved || rand.N(50) > 0 {
		return nil
	}
	_, _, err = tell(ctx, w.mall, w.mall.ordering.CancelOrder, &orderingv1.CancelOrderRequest{Id: o.id})
	if client.Refused(err) {
		w.refusals.count(client.Reason(err)) // it was ready before
		return nil
	}
	if err == nil {
		w.canceled.Add(1)
	}
	return err
}

// checkOutOnce sends one check-out until it is answered, and keeps a journal of
// what the mall has promised.
func (w *busywork) checkOutOnce(ctx context.Context, basketID string, accept bool) (position string, err error) {
	req := &basketsv1.CheckoutBasketRequest{Id: basketID, PaymentId: "payment-" + basketID, AcceptPriceChanges: accept}
	attempts := 0
	failed := func(err error) {
		if attempts++; attempts == 1 && client.Reason(err) == "unreachable" {
			w.note("unknown", basketID)
		}
	}
	patient := *w.mall.Client
	patient.Trouble = func(err error) {
		failed(err)
		w.retries.count(client.Reason(err))
	}
	_, position, err = client.Tell(ctx, &patient, w.mall.baskets.CheckoutBasket, req)
	if err != nil {
		failed(err)
		return "", err
	}
	w.note("answered", basketID)
	return position, nil
}

// awaitDecision waits until an order is approved or rejected.
func (w *busywork) awaitDecision(ctx context.Context, id, position string) (orderStatus, error) {
	await := w.mall.awaitOrder
	if w.Observe == "poll" {
		await = w.mall.pollOrder
	}
	order, err := await(ctx, id, decided, position)
	return order.GetStatus(), err
}
