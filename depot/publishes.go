package depot

import (
	"context"

	"mallbots/depot/internal/shoppinglist"
	"mallbots/depot/internal/stock"
	"mallbots/internal/database"
	"mallbots/internal/outbox"
	"mallbots/internal/sabotage"
	depotv1 "mallbots/proto/mallbots/depot/v1"
)

// carryOut does what follows from what happened to a list: it moves the goods,
// and puts into the outbox what the rest of the mall may know. Whoever ends a
// list, for whatever reason, gives its goods back here.
func carryOut(ctx context.Context, tx database.Tx, l *shoppinglist.List, e shoppinglist.Event) error {
	switch e := e.(type) {
	case shoppinglist.Listed:
		return outbox.Publish(ctx, tx, l.ID(), &depotv1.StockReserved{OrderId: l.ID(), Items: reservedItems(e.Items)})
	case shoppinglist.Assigned:
		return outbox.Publish(ctx, tx, l.ID(), &depotv1.ShoppingListAssigned{OrderId: l.ID(), BotId: e.BotID})
	case shoppinglist.Completed:
		lines, err := goods(l.Items())
		if err != nil {
			return err
		}
		move(tx, stock.Picked, l.ID(), lines)
		return outbox.Publish(ctx, tx, l.ID(), &depotv1.ShoppingListCompleted{OrderId: l.ID()})
	case shoppinglist.Canceled:
		lines, err := goods(l.Items())
		if err != nil {
			return err
		}
		kind := stock.Released
		if e.Picked {
			kind = stock.Returned
		}
		if !sabotage.On(sabotage.KeepStock) {
			move(tx, kind, l.ID(), lines)
		}
		return outbox.Publish(ctx, tx, l.ID(), &depotv1.ShoppingListCanceled{OrderId: l.ID(), Reason: e.Reason})
	}
	return nil
}

// goods are the lines of a list, in the order in which they are locked.
func goods(items []shoppinglist.Item) ([]stock.Line, error) {
	lines := make([]stock.Line, 0, len(items))
	for _, item := range items {
		lines = append(lines, stock.Line{ProductID: item.ProductID, Quantity: item.Quantity})
	}
	return stock.Sum(lines)
}

func reservedItems(items []shoppinglist.Item) []*depotv1.StockReservedItem {
	reserved := make([]*depotv1.StockReservedItem, 0, len(items))
	for _, item := range items {
		reserved = append(reserved, &depotv1.StockReservedItem{ProductId: item.ProductID, Quantity: int32(item.Quantity)})
	}
	return reserved
}
