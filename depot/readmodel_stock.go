package depot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"mallbots/depot/internal/stock"
	"mallbots/internal/database"
	"mallbots/internal/eventsourcing"
	"mallbots/internal/fault"
	depotv1 "mallbots/proto/mallbots/depot/v1"
)

// errStockFull refuses more of a product than can be counted.
var errStockFull = fault.New(fault.Conflict, "STOCK_FULL", "the depot can't count so many units of one product")

// moves is the statement of each kind of move but receiving. It changes no row
// when there is too little to move.
var moves = map[stock.Kind]string{
	stock.Reserved: moveSQL(stock.Reserved),
	stock.Released: moveSQL(stock.Released),
	stock.Picked:   moveSQL(stock.Picked),
	stock.Returned: moveSQL(stock.Returned),
}

// moveSQL writes what a move does to a level: $1 is the product, $2 how many.
func moveSQL(kind stock.Kind) string {
	var set, enough []string
	part := func(column string, effect int64) {
		switch {
		case effect > 0:
			set = append(set, column+" = "+column+" + $2")
		case effect < 0:
			set = append(set, column+" = "+column+" - $2")
			enough = append(enough, " AND "+column+" >= $2")
		}
	}
	e := stock.Effects[kind]
	part("on_hand", e.OnHand)
	part("reserved", e.Reserved)
	part("picked", e.Picked)
	return "UPDATE stock SET " + strings.Join(set, ", ") + ", version = version + 1 WHERE product_id = $1" + strings.Join(enough, "")
}

// move moves the lines of an order, which must be there: it holds them.
func move(tx database.Tx, kind stock.Kind, orderID string, lines []stock.Line) {
	for _, line := range lines {
		tx.Queue(database.Statement{
			SQL: moves[kind], Args: []any{line.ProductID, line.Quantity}, Rows: 1,
			Else: fmt.Errorf("depot: %d of product %s of order %s cannot be %s: they are not where they should be",
				line.Quantity, line.ProductID, orderID, kind),
		})
	}
	enter(tx, kind, orderID, lines)
}

// enter writes moves into the ledger.
func enter(tx database.Tx, kind stock.Kind, reference string, lines []stock.Line) {
	rows := make([]string, 0, len(lines))
	args := []any{reference, string(kind), database.Micros(time.Now())}
	for _, line := range lines {
		rows = append(rows, fmt.Sprintf("($1, $%d, $2, $%d, $3)", len(args)+1, len(args)+2))
		args = append(args, line.ProductID, line.Quantity)
	}
	tx.Queue(database.Statement{
		SQL:  `INSERT INTO stock_ledger (reference, product_id, kind, quantity, moved_at) VALUES ` + strings.Join(rows, ", "),
		Args: args,
	})
}

// reserve holds all lines for an order, or none: then it returns what is short.
// The lines are summed and sorted, see stock.Sum.
func reserve(ctx context.Context, tx database.Tx, orderID string, lines []stock.Line) ([]*depotv1.StockShortage, error) {
	held := make([]int64, len(lines))
	for i, line := range lines {
		tx.Queue(database.Statement{SQL: moves[stock.Reserved], Args: []any{line.ProductID, line.Quantity}, Affected: &held[i]})
	}
	if err := tx.Flush(ctx); err != nil {
		return nil, fmt.Errorf("reserve the goods of order %s: %w", orderID, err)
	}
	var short []*depotv1.StockShortage
	for i, line := range lines {
		if held[i] == 0 {
			level, _, err := levelOf(ctx, tx, line.ProductID)
			if err != nil {
				return nil, err
			}
			short = append(short, &depotv1.StockShortage{
				ProductId: line.ProductID, Requested: int32(line.Quantity), Available: int32(level.OnHand),
			})
		}
	}
	if len(short) == 0 {
		enter(tx, stock.Reserved, orderID, lines)
		return nil, nil
	}
	for i, line := range lines {
		if held[i] > 0 {
			tx.Queue(database.Statement{SQL: moves[stock.Released], Args: []any{line.ProductID, line.Quantity}, Rows: 1})
		}
	}
	return short, nil
}

// receive adds units that have arrived, and returns the level since. It refuses
// when the caller has seen another version of the level than the one before.
func receive(ctx context.Context, tx database.Tx, receiptID string, line stock.Line) (stock.Level, error) {
	var version int64
	level := stock.Level{ProductID: line.ProductID}
	tx.Queue(database.Statement{
		SQL: `
			INSERT INTO stock (product_id, received, on_hand, reserved, picked, version) VALUES ($1, $2, $2, 0, 0, 1)
			ON CONFLICT (product_id) DO UPDATE SET
				received = stock.received + excluded.received, on_hand = stock.on_hand + excluded.received,
				version = stock.version + 1
			WHERE stock.received <= $3 - excluded.received
			RETURNING received, on_hand, reserved, picked, version`,
		Args: []any{line.ProductID, line.Quantity, int64(stock.Limit)},
		Into: []any{&level.Received, &level.OnHand, &level.Reserved, &level.Picked, &version},
		Else: errStockFull.With("product %s", line.ProductID),
	})
	enter(tx, stock.Received, receiptID, []stock.Line{line})
	if err := tx.Flush(ctx); err != nil {
		return level, err
	}
	return level, eventsourcing.CheckPrecondition(ctx, "stock", line.ProductID, version-1)
}

// levelOf returns what there is of one product, and the version of its level: 0
// when nothing was ever received.
func levelOf(ctx context.Context, q database.Querier, productID string) (stock.Level, int64, error) {
	var version int64
	level, err := database.One(ctx, q, func(row database.Row) (stock.Level, error) {
		l := stock.Level{ProductID: productID}
		err := row.Scan(&l.Received, &l.OnHand, &l.Reserved, &l.Picked, &version)
		return l, err
	}, `SELECT received, on_hand, reserved, picked, version FROM stock WHERE product_id = $1`, productID)
	if errors.Is(err, database.ErrNoRows) {
		return stock.Level{ProductID: productID}, 0, nil
	}
	if err != nil {
		return level, 0, fmt.Errorf("read the stock of product %s: %w", productID, err)
	}
	return level, version, nil
}

func stockMessage(l stock.Level) *depotv1.Stock {
	return &depotv1.Stock{
		ProductId: l.ProductID, Received: int32(l.Received), OnHand: int32(l.OnHand),
		Reserved: int32(l.Reserved), Picked: int32(l.Picked),
	}
}
