package stores

import (
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
	"mallbots/internal/eventsourcing"
	"mallbots/internal/outbox/outboxtest"
	storesv1 "mallbots/proto/mallbots/stores/v1"
	"mallbots/stores/internal/product"
	"mallbots/stores/internal/store"
)

// TestWhatTheMallHears keeps every kind of event that stores sends, as it is on
// the wire, and in order.
func TestWhatTheMallHears(t *testing.T) {
	databasetest.Each(t, migrations, func(t *testing.T, db database.DB) {
		ctx := t.Context()
		stores := eventsourcing.NewRepository("store", store.New, projectStore, publishStore)
		products := eventsourcing.NewRepository("product", product.New, projectProduct, publishProduct)
		tea := product.Added{StoreID: "s1", Name: "Chai", Description: "10 boxes x 30 bags", SKU: "1", Price: 1800, Currency: "USD"}
		for _, f := range []func(tx database.Tx) error{
			func(tx database.Tx) error {
				return stores.Create(ctx, tx, "s1", func(s *store.Store) error { return s.Create("Exotic Liquids", "London, UK") })
			},
			func(tx database.Tx) error { return stores.Update(ctx, tx, "s1", (*store.Store).EnableParticipation) },
			func(tx database.Tx) error {
				return stores.Update(ctx, tx, "s1", func(s *store.Store) error { return s.Rebrand("Liquids") })
			},
			func(tx database.Tx) error { return stores.Update(ctx, tx, "s1", (*store.Store).DisableParticipation) },
			func(tx database.Tx) error {
				return products.Create(ctx, tx, "p1", func(p *product.Product) error { return p.Add(tea) })
			},
			func(tx database.Tx) error {
				return products.Update(ctx, tx, "p1", func(p *product.Product) error { return p.Rebrand("Tea", "") })
			},
			func(tx database.Tx) error {
				return products.Update(ctx, tx, "p1", func(p *product.Product) error { return p.IncreasePrice(2000) })
			},
			func(tx database.Tx) error {
				return products.Update(ctx, tx, "p1", func(p *product.Product) error { return p.DecreasePrice(1900) })
			},
			func(tx database.Tx) error { return products.Update(ctx, tx, "p1", (*product.Product).Remove) },
			func(tx database.Tx) error { return stores.Snapshots(snapshotStore).Publish(ctx, tx, "s1") },
			func(tx database.Tx) error { return products.Snapshots(snapshotProduct).Publish(ctx, tx, "p1") },
		} {
			require.NoError(t, db.InTx(ctx, f))
		}
		text := outboxtest.Published(t, db)
		outboxtest.Golden(t, "testdata/published.golden", text)
		for _, name := range outboxtest.Declared(storesv1.File_mallbots_stores_v1_events_proto) {
			require.Contains(t, text, " "+name+" ", "declared, but never sent")
		}
	})
}
