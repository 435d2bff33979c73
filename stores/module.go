package stores

import (
	"context"
	"embed"

	"mallbots/internal/database"
	"mallbots/internal/eventsourcing"
	"mallbots/internal/host"
	"mallbots/internal/identity"
	"mallbots/proto/mallbots/stores/v1/storesv1connect"
	"mallbots/stores/internal/product"
	"mallbots/stores/internal/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// module is the stores context. Its exported methods are its RPC service.
type module struct {
	db       database.DB
	currency string
	stores   *eventsourcing.Repository[*store.Store, store.Event]
	products *eventsourcing.Repository[*product.Product, product.Event]
}

// New mounts the module on h: its tables, its API, its books.
func New(ctx context.Context, h *host.Host) error {
	s, err := h.Service(ctx, "stores", migrations)
	if err != nil {
		return err
	}
	m := &module{
		db: s.DB, currency: h.Currency,
		stores:   eventsourcing.NewRepository("store", store.New, projectStore, publishStore),
		products: eventsourcing.NewRepository("product", product.New, projectProduct, publishProduct).Guard(theirs),
	}
	storesv1connect.RegisterStoresServiceHandler(h.RPC, m) // gRPC, gRPC-Web, Connect and REST

	s.Aggregates(m.stores, m.products)
	s.Tables("stores", "products")
	s.Rebuildable(m.stores, m.products)
	s.Republishable(m.stores.Snapshots(snapshotStore), m.products.Snapshots(snapshotProduct))
	s.Describe(m.describe)
	s.Book("stores", storesBook)
	s.Book("prices", pricesBook)
	return nil
}

// theirs reports whether whoever asks may touch a product.
func theirs(ctx context.Context, p *product.Product) bool {
	return identity.OwnsStore(ctx, p.StoreID())
}
