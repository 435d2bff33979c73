package depot

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"mallbots/depot/internal/shoppinglist"
	"mallbots/depot/internal/stock"
	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
)

// orderOf is the event of an order of one line for each product.
func orderOf(id string, lines ...stock.Line) *orderingv1.OrderCreated {
	e := &orderingv1.OrderCreated{OrderId: id, CustomerId: "ada"}
	for _, l := range lines {
		e.Items = append(e.Items, &orderingv1.OrderCreatedItem{StoreId: "s1", ProductId: l.ProductID, Quantity: int32(l.Quantity)})
	}
	return e
}

// stocked is a module with so many units of each product.
func stocked(t require.TestingT, ctx context.Context, db database.DB, levels ...stock.Line) *module {
	m := newModule(db)
	require.NoError(t, db.InTx(ctx, func(tx database.Tx) error {
		for _, l := range levels {
			if _, err := receive(ctx, tx, newID(), l); err != nil {
				return err
			}
		}
		return nil
	}))
	return m
}

func count(t require.TestingT, ctx context.Context, db database.DB, sql string, args ...any) int64 {
	n, err := database.One(ctx, db, database.Value[int64], sql, args...)
	require.NoError(t, err)
	return n
}

func TestOf200OrdersOfTheLastUnitOneGetsIt(t *testing.T) {
	databasetest.Each(t, migrations, func(t *testing.T, db database.DB) {
		m := stocked(t, t.Context(), db, stock.Line{ProductID: "tea", Quantity: 1})
		var all sync.WaitGroup
		for i := range 200 {
			all.Go(func() {
				err := db.InTx(t.Context(), func(tx database.Tx) error {
					return m.onOrderCreated(t.Context(), tx, orderOf(fmt.Sprintf("order-%03d", i), stock.Line{ProductID: "tea", Quantity: 1}))
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		level, _, err := levelOf(t.Context(), db, "tea")
		require.NoError(t, err)
		require.Equal(t, stock.Level{ProductID: "tea", Received: 1, Reserved: 1}, level)
		require.EqualValues(t, 1, count(t, t.Context(), db, `SELECT COUNT(*) FROM shopping_lists`))
		require.EqualValues(t, 1, count(t, t.Context(), db, `SELECT COUNT(*) FROM reservations WHERE state = 'reserved'`))
		require.EqualValues(t, 199, count(t, t.Context(), db, `SELECT COUNT(*) FROM reservations WHERE state = 'failed'`))
		require.EqualValues(t, 200, count(t, t.Context(), db, `SELECT COUNT(*) FROM outbox`), "each order gets its answer")
		require.NoError(t, checkStock(t.Context(), db))
		require.NoError(t, checkHolds(t.Context(), db))
	})
}

func TestOrdersOfTheSameProductsNeverWaitInACircle(t *testing.T) {
	databasetest.Each(t, migrations, func(t *testing.T, db database.DB) {
		products := []string{"brie", "chai", "ikura", "tofu"}
		var levels []stock.Line
		for _, p := range products {
			levels = append(levels, stock.Line{ProductID: p, Quantity: 1000})
		}
		m := stocked(t, t.Context(), db, levels...)
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				id := fmt.Sprintf("order-%03d", i)
				var lines []stock.Line // each order names them in another order
				for j := range products {
					lines = append(lines, stock.Line{ProductID: products[(i+j)%len(products)], Quantity: 1})
				}
				for _, f := range []func(tx database.Tx) error{
					func(tx database.Tx) error { return m.onOrderCreated(t.Context(), tx, orderOf(id, lines...)) },
					func(tx database.Tx) error { return m.callOff(t.Context(), tx, id, "changed my mind") },
				} {
					if err := db.InTx(t.Context(), f); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		require.NoError(t, checkStock(t.Context(), db))
		require.EqualValues(t, 4000, count(t, t.Context(), db, `SELECT CAST(SUM(on_hand) AS BIGINT) FROM stock`))
	})
}

// TestStockIsConservedWhateverHappens plays what orders, staff and bots may do,
// in any order, and looks at the books after each step.
func TestStockIsConservedWhateverHappens(t *testing.T) {
	databasetest.Each(t, migrations, func(t *testing.T, db database.DB) {
		ctx := t.Context()
		rapid.Check(t, func(t *rapid.T) {
			products := []string{newID(), newID(), newID()}
			orders := []string{newID(), newID(), newID()}
			m := stocked(t, ctx, db)
			for range rapid.IntRange(5, 15).Draw(t, "steps") {
				id := rapid.SampledFrom(orders).Draw(t, "order")
				step := rapid.SampledFrom([]string{"receive", "create", "create", "assign", "complete", "cancel", "call off"}).Draw(t, "step")
				lines := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) stock.Line {
					return stock.Line{ProductID: rapid.SampledFrom(products).Draw(t, "product"), Quantity: rapid.Int64Range(1, 5).Draw(t, "quantity")}
				}), 1, 4).Draw(t, "lines")
				err := db.InTx(ctx, func(tx database.Tx) error {
					switch step {
					case "receive":
						_, err := receive(ctx, tx, newID(), lines[0])
						return err
					case "create":
						return m.onOrderCreated(ctx, tx, orderOf(id, lines...))
					case "call off":
						return m.callOff(ctx, tx, id, "gone")
					case "assign":
						return m.lists.Update(ctx, tx, id, func(l *shoppinglist.List) error { return l.Assign("bot-" + id) })
					case "complete":
						return m.lists.Update(ctx, tx, id, (*shoppinglist.List).Complete)
					}
					return m.lists.Update(ctx, tx, id, func(l *shoppinglist.List) error { return l.Cancel("flood") })
				})
				if err != nil { // refused: unknown, or in the wrong state
					require.True(t, isRefusal(err), "%s: %v", step, err)
				}
			}
			require.NoError(t, checkStock(ctx, db))
			require.NoError(t, checkHolds(ctx, db))
		})
	})
}
