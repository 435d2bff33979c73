package ordering

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
	"mallbots/internal/outbox/outboxtest"
	"mallbots/ordering/internal/customer"
	"mallbots/ordering/internal/fulfilment"
	"mallbots/ordering/internal/order"
	depotv1 "mallbots/proto/mallbots/depot/v1"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
)

// TestWhatTheMallHears keeps every kind of event that ordering sends, as it is
// on the wire, and in order.
func TestWhatTheMallHears(t *testing.T) {
	databasetest.Each(t, migrations, func(t *testing.T, db database.DB) {
		ctx := t.Context()
		since := time.Now()
		m := ordered(t, db, &since)
		for _, f := range []func(tx database.Tx) error{
			func(tx database.Tx) error { return m.onStockReserved(ctx, tx, &depotv1.StockReserved{OrderId: "o1"}) },
			func(tx database.Tx) error {
				return m.onShoppingListCompleted(ctx, tx, &depotv1.ShoppingListCompleted{OrderId: "o1"})
			},
			func(tx database.Tx) error {
				return m.orders.Update(ctx, tx, "o1", func(o *order.Order) error { return o.Complete("i1") })
			},
			func(tx database.Tx) error { return m.onBasketCheckedOut(ctx, tx, basket("o2", "eve")) },
			func(tx database.Tx) error { return m.onBasketCheckedOut(ctx, tx, basket("o3", "ada")) },
			func(tx database.Tx) error {
				if err := m.orders.Update(ctx, tx, "o3", func(o *order.Order) error { return o.Cancel(reasonCanceled) }); err != nil {
					return err
				}
				return m.fulfilments.Update(ctx, tx, "o3", (*fulfilment.Fulfilment).OrderCanceled)
			},
			func(tx database.Tx) error {
				return m.customers.Update(ctx, tx, "ada", func(c *customer.Customer) error { return c.Rename("Ada King") })
			},
			func(tx database.Tx) error { return m.customers.Update(ctx, tx, "ada", (*customer.Customer).Disable) },
			func(tx database.Tx) error { return m.customers.Update(ctx, tx, "ada", (*customer.Customer).Enable) },
		} {
			in(t, db, f)
		}
		text := outboxtest.Published(t, db)
		outboxtest.Golden(t, "testdata/published.golden", text)
		for _, name := range outboxtest.Declared(orderingv1.File_mallbots_ordering_v1_events_proto) {
			require.Contains(t, text, " "+name+" ", "declared, but never sent")
		}
	})
}
