package depot

import (
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/depot/internal/shoppinglist"
	"mallbots/depot/internal/stock"
	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
	"mallbots/internal/outbox/outboxtest"
	depotv1 "mallbots/proto/mallbots/depot/v1"
)

// TestWhatTheMallHears keeps every kind of event that the depot sends, as it is
// on the wire, and in order.
func TestWhatTheMallHears(t *testing.T) {
	databasetest.Each(t, migrations, func(t *testing.T, db database.DB) {
		ctx := t.Context()
		m := stocked(t, ctx, db, stock.Line{ProductID: "chai", Quantity: 10}, stock.Line{ProductID: "tofu", Quantity: 1})
		for _, f := range []func(tx database.Tx) error{
			func(tx database.Tx) error {
				return m.onProductAdded(ctx, tx, added("chai"))
			},
			func(tx database.Tx) error {
				return m.onOrderCreated(ctx, tx, orderOf("o1", stock.Line{ProductID: "chai", Quantity: 2}, stock.Line{ProductID: "chai", Quantity: 1}))
			},
			func(tx database.Tx) error {
				return m.lists.Update(ctx, tx, "o1", func(l *shoppinglist.List) error { return l.Assign("r2") })
			},
			func(tx database.Tx) error { return m.lists.Update(ctx, tx, "o1", (*shoppinglist.List).Complete) },
			func(tx database.Tx) error { return m.callOff(ctx, tx, "o1", "changed my mind") },
			func(tx database.Tx) error {
				return m.onOrderCreated(ctx, tx, orderOf("o2", stock.Line{ProductID: "chai", Quantity: 2}, stock.Line{ProductID: "tofu", Quantity: 2}))
			},
		} {
			require.NoError(t, db.InTx(ctx, f))
		}
		_, err := m.ReceiveStock(ctx, &depotv1.ReceiveStockRequest{ProductId: "chai", Quantity: 5})
		require.NoError(t, err)
		text := outboxtest.Published(t, db)
		outboxtest.Golden(t, "testdata/published.golden", text)
		for _, name := range outboxtest.Declared(depotv1.File_mallbots_depot_v1_events_proto) {
			require.Contains(t, text, " "+name+" ", "declared, but never sent")
		}
	})
}
