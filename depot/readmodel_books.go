package depot

import (
	"context"
	"fmt"
	"maps"

	"mallbots/depot/internal/shoppinglist"
	"mallbots/depot/internal/stock"
	"mallbots/internal/database"
)

// checkStock says of which product the units don't add up: in its level, or in
// the ledger, whose moves must lead to that level.
func checkStock(ctx context.Context, q database.Querier) error {
	levels, err := readLevels(ctx, q)
	if err != nil {
		return err
	}
	type moved struct {
		productID string
		kind      stock.Kind
		quantity  int64
	}
	ledger, err := database.All(ctx, q, func(row database.Row) (m moved, err error) {
		err = row.Scan(&m.productID, (*string)(&m.kind), &m.quantity)
		return m, err
	}, `SELECT product_id, kind, CAST(SUM(quantity) AS BIGINT) FROM stock_ledger GROUP BY product_id, kind`)
	if err != nil {
		return err
	}
	told := map[string]stock.Level{}
	for _, m := range ledger {
		if _, known := stock.Effects[m.kind]; !known {
			return fmt.Errorf("the ledger of product %s knows a move that nobody makes: %q", m.productID, m.kind)
		}
		l := told[m.productID]
		l.ProductID = m.productID
		told[m.productID] = l.Move(m.kind, m.quantity)
	}
	for id, l := range levels {
		if err := l.Check(); err != nil {
			return err
		}
		if told[id] != l {
			return fmt.Errorf("product %s: the level says %s, the ledger %s", id, l, told[id])
		}
	}
	if len(told) != len(levels) {
		return fmt.Errorf("the ledger knows %d products, the levels %d", len(told), len(levels))
	}
	return nil
}

// checkHolds says of which product more or less is reserved or picked than the
// lists hold.
func checkHolds(ctx context.Context, q database.Querier) error {
	levels, err := readLevels(ctx, q)
	if err != nil {
		return err
	}
	lists, err := database.All(ctx, q, scanList, `SELECT `+listColumns+` FROM shopping_lists`)
	if err != nil {
		return err
	}
	reserved, picked := map[string]int64{}, map[string]int64{}
	for _, l := range lists {
		for _, item := range l.items {
			switch shoppinglist.Status(l.status) {
			case shoppinglist.StatusAvailable, shoppinglist.StatusAssigned:
				reserved[item.ProductID] += item.Quantity
			case shoppinglist.StatusCompleted:
				picked[item.ProductID] += item.Quantity
			case shoppinglist.StatusCanceled, shoppinglist.StatusNone:
			}
		}
	}
	for id, l := range levels {
		if l.Reserved != reserved[id] || l.Picked != picked[id] {
			return fmt.Errorf("product %s: %s, but the lists hold %d reserved and %d picked", id, l, reserved[id], picked[id])
		}
		delete(reserved, id)
		delete(picked, id)
	}
	for id := range maps.Keys(reserved) {
		return fmt.Errorf("product %s is on a list, but was never received", id)
	}
	for id := range maps.Keys(picked) {
		return fmt.Errorf("product %s was picked, but never received", id)
	}
	return nil
}

func readLevels(ctx context.Context, q database.Querier) (map[string]stock.Level, error) {
	rows, err := database.All(ctx, q, func(row database.Row) (l stock.Level, err error) {
		err = row.Scan(&l.ProductID, &l.Received, &l.OnHand, &l.Reserved, &l.Picked)
		return l, err
	}, `SELECT product_id, received, on_hand, reserved, picked FROM stock`)
	levels := make(map[string]stock.Level, len(rows))
	for _, l := range rows {
		levels[l.ProductID] = l
	}
	return levels, err
}

// reservedBook is, for the audit, what is reserved: product → units. It must be
// what ordering's approved orders hold.
func reservedBook(ctx context.Context, q database.Querier) (map[string]string, error) {
	return unitsBook(ctx, q, func(l stock.Level) int64 { return l.Reserved })
}

// pickedBook is, for the audit, what is picked: product → units. It must be what
// ordering's ready and completed orders hold.
func pickedBook(ctx context.Context, q database.Querier) (map[string]string, error) {
	return unitsBook(ctx, q, func(l stock.Level) int64 { return l.Picked })
}

func unitsBook(ctx context.Context, q database.Querier, units func(stock.Level) int64) (map[string]string, error) {
	levels, err := readLevels(ctx, q)
	book := map[string]string{}
	for id, l := range levels {
		if n := units(l); n > 0 {
			book[id] = fmt.Sprint(n)
		}
	}
	return book, err
}

// listsBook is, for the audit, which orders have a list, and whether it is picked.
func listsBook(ctx context.Context, q database.Querier) (map[string]string, error) {
	lists, err := database.All(ctx, q, scanList, `SELECT `+listColumns+` FROM shopping_lists`)
	book := map[string]string{}
	for _, l := range lists {
		switch shoppinglist.Status(l.status) {
		case shoppinglist.StatusAvailable, shoppinglist.StatusAssigned:
			book[l.id] = "open"
		case shoppinglist.StatusCompleted:
			book[l.id] = "completed"
		case shoppinglist.StatusCanceled, shoppinglist.StatusNone:
		}
	}
	return book, err
}
