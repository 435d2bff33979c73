package simulation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	basketsv1 "mallbots/proto/mallbots/baskets/v1"
	depotv1 "mallbots/proto/mallbots/depot/v1"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

// look notes how every product, basket, order and list is in the end.
func (h *history) look() {
	for _, id := range h.products {
		res, _ := tell(h, "GetProduct "+id, func(ctx context.Context, c *clients) (*storesv1.GetProductResponse, error) {
			return c.stores.GetProduct(ctx, &storesv1.GetProductRequest{Id: id})
		})
		stock, _ := tell(h, "GetStock "+id, func(ctx context.Context, c *clients) (*depotv1.GetStockResponse, error) {
			return c.depot.GetStock(ctx, &depotv1.GetStockRequest{ProductId: id})
		})
		s := stock.GetStock()
		h.note("  %s costs %d; %d received, %d on hand, %d reserved, %d picked", res.GetProduct().GetName(), res.GetProduct().GetPrice().GetMinorUnits(),
			s.GetReceived(), s.GetOnHand(), s.GetReserved(), s.GetPicked())
	}
	for _, id := range h.baskets {
		basket, _ := tell(h, "GetBasket "+id, func(ctx context.Context, c *clients) (*basketsv1.GetBasketResponse, error) {
			return c.baskets.GetBasket(ctx, &basketsv1.GetBasketRequest{Id: id})
		})
		h.note("  %s %d %d lines", basket.GetBasket().GetStatus(), basket.GetBasket().GetTotal().GetMinorUnits(), len(basket.GetBasket().GetItems()))
		order, _ := tell(h, "GetOrder "+id, func(ctx context.Context, c *clients) (*orderingv1.GetOrderResponse, error) {
			return c.ordering.GetOrder(ctx, &orderingv1.GetOrderRequest{Id: id})
		})
		o := order.GetOrder()
		h.note("  %s %q %d of %d, version %d: %s", o.GetStatus(), o.GetReason(), o.GetTotal().GetMinorUnits(), o.GetItemCount(), o.GetVersion(), lines(o))
		past, _ := tell(h, "GetOrderHistory "+id, func(ctx context.Context, c *clients) (*orderingv1.GetOrderHistoryResponse, error) {
			return c.ordering.GetOrderHistory(ctx, &orderingv1.GetOrderHistoryRequest{Id: id})
		})
		var names []string
		for _, e := range past.GetEvents() {
			names = append(names, e.GetName())
		}
		h.note("  %s", strings.Join(names, ", "))
		list, _ := tell(h, "GetShoppingList "+id, func(ctx context.Context, c *clients) (*depotv1.GetShoppingListResponse, error) {
			return c.depot.GetShoppingList(ctx, &depotv1.GetShoppingListRequest{Id: id})
		})
		h.note("  %s by %q, %d stops", list.GetShoppingList().GetStatus(), list.GetShoppingList().GetAssignedBotId(), len(list.GetShoppingList().GetStops()))
	}
}

// lines are an order's, in words.
func lines(o *orderingv1.Order) string {
	var all []string
	for _, i := range o.GetItems() {
		all = append(all, fmt.Sprintf("%d %s of %s at %d", i.GetQuantity(), i.GetProductName(), i.GetStoreName(), i.GetPrice().GetMinorUnits()))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}
