package baskets

import (
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/baskets/internal/basket"
	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
	"mallbots/internal/eventsourcing"
	"mallbots/internal/outbox/outboxtest"
	basketsv1 "mallbots/proto/mallbots/baskets/v1"
)

// TestWhatTheMallHears keeps every kind of event that baskets sends, as it is on
// the wire, and in order.
func TestWhatTheMallHears(t *testing.T) {
	databasetest.Each(t, migrations, func(t *testing.T, db database.DB) {
		ctx := t.Context()
		baskets := eventsourcing.NewRepository("basket", basket.New, project, publish)
		chai := basket.Offer{StoreID: "s1", StoreName: "Exotic Liquids", ProductID: "chai", ProductName: "Chai", Price: 1800, Open: true}
		start := func(b *basket.Basket) error { return b.Start("ada", "USD") }
		for _, f := range []func(tx database.Tx) error{
			func(tx database.Tx) error { return baskets.Create(ctx, tx, "b1", start) },
			func(tx database.Tx) error {
				return baskets.Update(ctx, tx, "b1", func(b *basket.Basket) error { return b.AddItem(chai, 3) })
			},
			func(tx database.Tx) error {
				return baskets.Update(ctx, tx, "b1", func(b *basket.Basket) error { return b.RemoveItem("chai", 1) })
			},
			func(tx database.Tx) error {
				return baskets.Update(ctx, tx, "b1", func(b *basket.Basket) error {
					return b.CheckOut("p1", false, map[string]basket.Offer{"chai": chai})
				})
			},
			func(tx database.Tx) error { return baskets.Create(ctx, tx, "b2", start) },
			func(tx database.Tx) error { return baskets.Update(ctx, tx, "b2", (*basket.Basket).Cancel) },
		} {
			require.NoError(t, db.InTx(ctx, f))
		}
		text := outboxtest.Published(t, db)
		outboxtest.Golden(t, "testdata/published.golden", text)
		for _, name := range outboxtest.Declared(basketsv1.File_mallbots_baskets_v1_events_proto) {
			require.Contains(t, text, " "+name+" ", "declared, but never sent")
		}
	})
}
