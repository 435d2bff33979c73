package simulation

import (
	"context"
	"fmt"
	"time"

	depotv1 "mallbots/proto/mallbots/depot/v1"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
)

// bot picks shopping lists for a while.
func (w *World) bot(n int) *actor {
	p := w.person(fmt.Sprintf("bot-%d", n), uint64(400+n))
	return newActor(p.name, func(think think) {
		id, on := p.registerBot(think)
		for range 10 {
			if !on || id == "" || !think(p.within(4*time.Second)) {
				return
			}
			if list := p.pickList(depotv1.ShoppingListStatus_SHOPPING_LIST_STATUS_AVAILABLE); list != nil {
				on = p.pick(think, id, list, 3*time.Second)
			}
		}
	})
}

func (p *person) registerBot(think think) (id string, on bool) {
	res, _, on := insist(p, think, "RegisterBot", func(ctx context.Context, c *clients) (*depotv1.RegisterBotResponse, error) {
		return c.depot.RegisterBot(ctx, &depotv1.RegisterBotRequest{Name: p.name})
	})
	return res.GetId(), on
}

// pick takes a list and completes it.
func (p *person) pick(think think, bot string, list *depotv1.ShoppingList, takes time.Duration) bool {
	if list.GetStatus() == depotv1.ShoppingListStatus_SHOPPING_LIST_STATUS_AVAILABLE {
		_, o, on := insist(p, think, "AssignShoppingList "+list.GetId(), func(ctx context.Context, c *clients) (*depotv1.AssignShoppingListResponse, error) {
			return c.depot.AssignShoppingList(ctx, &depotv1.AssignShoppingListRequest{Id: list.GetId(), BotId: bot})
		})
		if !on || !o.ok() || !think(p.within(takes)) {
			return on
		}
	}
	_, _, on := insist(p, think, "CompleteShoppingList "+list.GetId(), func(ctx context.Context, c *clients) (*depotv1.CompleteShoppingListResponse, error) {
		return c.depot.CompleteShoppingList(ctx, &depotv1.CompleteShoppingListRequest{Id: list.GetId()})
	})
	return on
}

// closers bring every order to its end, once the faults are over.
func (w *World) closers() []*actor {
	p := w.person("closer", 500)
	return []*actor{newActor(p.name, func(think think) {
		id, on := p.registerBot(think)
		for on {
			open := p.orders(orderingv1.OrderStatus_ORDER_STATUS_PENDING, orderingv1.OrderStatus_ORDER_STATUS_APPROVED)
			ready := p.orders(orderingv1.OrderStatus_ORDER_STATUS_READY)
			if len(open)+len(ready) == 0 && len(w.waiting()) == 0 {
				return
			}
			if time.Since(w.healedAt) > settling {
				w.violated("liveness: %d orders are open and %d ready %s after the last fault: %v", len(open), len(ready), settling, append(open, ready...))
				return
			}
			for _, status := range []depotv1.ShoppingListStatus{depotv1.ShoppingListStatus_SHOPPING_LIST_STATUS_ASSIGNED, depotv1.ShoppingListStatus_SHOPPING_LIST_STATUS_AVAILABLE} {
				for list := p.pickList(status); on && list != nil && len(w.violation) == 0; list = p.pickList(status) {
					on = p.pick(think, id, list, 10*time.Millisecond)
				}
			}
			for _, order := range ready {
				if on {
					_, _, on = p.collect(think, order)
				}
			}
			on = on && think(500*time.Millisecond)
		}
	})}
}

// orders are the ids of those in some statuses.
func (p *person) orders(statuses ...orderingv1.OrderStatus) (ids []string) {
	for _, status := range statuses {
		res, _ := request(p.w, p.name, "ListOrders", "", func(ctx context.Context, c *clients) (*orderingv1.ListOrdersResponse, error) {
			return c.ordering.ListOrders(ctx, &orderingv1.ListOrdersRequest{Status: status, PageSize: 100})
		})
		for _, o := range res.GetOrders() {
			ids = append(ids, o.GetId())
		}
	}
	return ids
}
