package depot

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/depot/internal/shoppinglist"
	"mallbots/depot/internal/stock"
	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
	"mallbots/internal/fault"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

func isRefusal(err error) bool {
	k := fault.KindOf(err)
	return k == fault.NotFound || k == fault.Conflict || errors.Is(err, shoppinglist.ErrState)
}

// added is the event of a new product.
func added(productID string) *storesv1.ProductAdded {
	return &storesv1.ProductAdded{ProductId: productID, StoreId: "s1", Name: "Tea"}
}

func TestAllLinesAreReservedOrNone(t *testing.T) {
	databasetest.Each(t, migrations, func(t *testing.T, db database.DB) {
		ctx := t.Context()
		m := stocked(t, ctx, db, stock.Line{ProductID: "brie", Quantity: 5}, stock.Line{ProductID: "chai", Quantity: 1})
		require.NoError(t, db.InTx(ctx, func(tx database.Tx) error {
			return m.onOrderCreated(ctx, tx, orderOf("o1",
				stock.Line{ProductID: "brie", Quantity: 2}, stock.Line{ProductID: "chai", Quantity: 1},
				stock.Line{ProductID: "chai", Quantity: 1}, stock.Line{ProductID: "tofu", Quantity: 3}))
		}))
		level, _, err := levelOf(ctx, db, "brie")
		require.NoError(t, err)
		require.EqualValues(t, 5, level.OnHand, "nothing of the order is held")
		require.NoError(t, checkStock(ctx, db))
		require.NoError(t, checkHolds(ctx, db))

		require.NoError(t, db.InTx(ctx, func(tx database.Tx) error {
			short, err := reserve(ctx, tx, "o2", []stock.Line{{ProductID: "chai", Quantity: 2}, {ProductID: "tofu", Quantity: 3}})
			require.NoError(t, err)
			require.Len(t, short, 2)
			require.Equal(t, []int32{2, 1}, []int32{short[0].GetRequested(), short[0].GetAvailable()})
			require.Equal(t, []int32{3, 0}, []int32{short[1].GetRequested(), short[1].GetAvailable()})
			return nil
		}))
	})
}

func TestAnOrderThatEndedBeforeItWasHeardOfReservesNothing(t *testing.T) {
	databasetest.Each(t, migrations, func(t *testing.T, db database.DB) {
		ctx := t.Context()
		m := stocked(t, ctx, db, stock.Line{ProductID: "tea", Quantity: 5})
		for _, f := range []func(tx database.Tx) error{
			func(tx database.Tx) error {
				return m.onOrderCanceled(ctx, tx, &orderingv1.OrderCanceled{OrderId: "o1", Reason: "gone"})
			},
			func(tx database.Tx) error {
				return m.onOrderCreated(ctx, tx, orderOf("o1", stock.Line{ProductID: "tea", Quantity: 1}))
			},
			func(tx database.Tx) error {
				return m.onOrderRejected(ctx, tx, &orderingv1.OrderRejected{OrderId: "o1", Reason: "gone"})
			},
		} {
			require.NoError(t, db.InTx(ctx, f))
		}
		level, _, err := levelOf(ctx, db, "tea")
		require.NoError(t, err)
		require.Equal(t, stock.Level{ProductID: "tea", Received: 5, OnHand: 5}, level)
		require.EqualValues(t, 0, count(t, ctx, db, `SELECT COUNT(*) FROM outbox`), "there is nothing to say")
	})
}

func TestAnOrderIsReservedOnce(t *testing.T) {
	databasetest.Each(t, migrations, func(t *testing.T, db database.DB) {
		ctx := t.Context()
		m := stocked(t, ctx, db, stock.Line{ProductID: "tea", Quantity: 5})
		for range 2 {
			require.NoError(t, db.InTx(ctx, func(tx database.Tx) error {
				return m.onOrderCreated(ctx, tx, orderOf("o1", stock.Line{ProductID: "tea", Quantity: 2}))
			}))
		}
		level, _, err := levelOf(ctx, db, "tea")
		require.NoError(t, err)
		require.EqualValues(t, 2, level.Reserved)
	})
}

func TestAnOrderThatMakesNoSenseIsRefused(t *testing.T) {
	db := databasetest.Open(t, database.SQLite, "depot", migrations)
	m := newModule(db)
	for name, e := range map[string]*orderingv1.OrderCreated{
		"no id":       orderOf("", stock.Line{ProductID: "tea", Quantity: 1}),
		"no product":  orderOf("o1", stock.Line{Quantity: 1}),
		"nothing":     orderOf("o1", stock.Line{ProductID: "tea"}),
		"less":        orderOf("o1", stock.Line{ProductID: "tea", Quantity: -1}),
		"no lines":    orderOf("o1"),
		"an overflow": orderOf("o1", stock.Line{ProductID: "tea", Quantity: stock.Limit}, stock.Line{ProductID: "tea", Quantity: 1}),
	} {
		err := db.InTx(t.Context(), func(tx database.Tx) error { return m.onOrderCreated(t.Context(), tx, e) })
		require.Equal(t, fault.Invalid, fault.KindOf(err), "%s: %v", name, err)
	}
	require.EqualValues(t, 0, count(t, t.Context(), db, `SELECT COUNT(*) FROM reservations`))
}

func TestTheDepotCountsNoFurtherThanTheWire(t *testing.T) {
	databasetest.Each(t, migrations, func(t *testing.T, db database.DB) {
		stocked(t, t.Context(), db, stock.Line{ProductID: "tea", Quantity: stock.Limit - 1}, stock.Line{ProductID: "tea", Quantity: 1})
		err := db.InTx(t.Context(), func(tx database.Tx) error {
			_, err := receive(t.Context(), tx, newID(), stock.Line{ProductID: "tea", Quantity: 1})
			return err
		})
		require.ErrorIs(t, err, errStockFull)
	})
}

func TestTheChecksSeeWhatIsWrong(t *testing.T) {
	for sql, check := range map[string]func(*module, database.DB) error{
		`UPDATE stock SET on_hand = on_hand + 1, received = received + 1`: func(_ *module, db database.DB) error { return checkStock(t.Context(), db) },
		`DELETE FROM stock_ledger`:                                        func(_ *module, db database.DB) error { return checkStock(t.Context(), db) },
		`UPDATE stock_ledger SET kind = 'stolen'`:                         func(_ *module, db database.DB) error { return checkStock(t.Context(), db) },
		`UPDATE stock SET reserved = reserved + 1, on_hand = on_hand - 1`: func(_ *module, db database.DB) error { return checkHolds(t.Context(), db) },
		`UPDATE shopping_lists SET status = 'COMPLETED'`:                  func(_ *module, db database.DB) error { return checkHolds(t.Context(), db) },
		`DELETE FROM stock`:                                               func(_ *module, db database.DB) error { return checkHolds(t.Context(), db) },
		`UPDATE stock SET picked = picked + 1, received = received + 1`:   func(_ *module, db database.DB) error { return checkHolds(t.Context(), db) },
	} {
		db := databasetest.Open(t, database.SQLite, "depot", migrations)
		m := stocked(t, t.Context(), db, stock.Line{ProductID: "tea", Quantity: 5})
		require.NoError(t, db.InTx(t.Context(), func(tx database.Tx) error {
			return m.onOrderCreated(t.Context(), tx, orderOf("o1", stock.Line{ProductID: "tea", Quantity: 2}))
		}))
		require.NoError(t, check(m, db))
		require.NoError(t, db.InTx(t.Context(), func(tx database.Tx) error {
			_, err := tx.Exec(t.Context(), sql)
			return err
		}))
		require.Error(t, check(m, db), sql)
	}
}
