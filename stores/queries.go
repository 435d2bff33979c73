package stores

import (
	"context"

	"mallbots/internal/api"
	"mallbots/internal/database"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

// GetStores lists every store, the oldest first.
func (m *module) GetStores(ctx context.Context, req *storesv1.GetStoresRequest) (*storesv1.GetStoresResponse, error) {
	page, err := api.ParsePage(req, "stores")
	if err != nil {
		return nil, err
	}
	rows, err := database.All(ctx, m.db, scanStore, `
		SELECT `+storeColumns+` FROM stores
		WHERE id > $1 ORDER BY id LIMIT $2`, page.Key(0), page.Limit())
	if err != nil {
		return nil, err
	}
	rows, next := api.Trim(page, rows, storeRow.key)
	return &storesv1.GetStoresResponse{Stores: storeMessages(rows), NextPageToken: next}, nil
}

// GetParticipatingStores lists the stores that participate, the oldest first.
func (m *module) GetParticipatingStores(ctx context.Context, req *storesv1.GetParticipatingStoresRequest) (*storesv1.GetParticipatingStoresResponse, error) {
	page, err := api.ParsePage(req, "participating stores")
	if err != nil {
		return nil, err
	}
	rows, err := database.All(ctx, m.db, scanStore, `
		SELECT `+storeColumns+` FROM stores
		WHERE participating = 1 AND id > $1 ORDER BY id LIMIT $2`, page.Key(0), page.Limit())
	if err != nil {
		return nil, err
	}
	rows, next := api.Trim(page, rows, storeRow.key)
	return &storesv1.GetParticipatingStoresResponse{Stores: storeMessages(rows), NextPageToken: next}, nil
}

// GetStore answers one store.
func (m *module) GetStore(ctx context.Context, req *storesv1.GetStoreRequest) (*storesv1.GetStoreResponse, error) {
	s, err := m.store(ctx, m.db, req.GetId())
	if err != nil {
		return nil, err
	}
	api.SetETag(ctx, s.version)
	return &storesv1.GetStoreResponse{Store: s.message()}, nil
}

// GetCatalog lists the products on a store's shelf, the oldest first.
func (m *module) GetCatalog(ctx context.Context, req *storesv1.GetCatalogRequest) (*storesv1.GetCatalogResponse, error) {
	page, err := api.ParsePage(req, "catalog")
	if err != nil {
		return nil, err
	}
	if _, err := m.store(ctx, m.db, req.GetStoreId()); err != nil {
		return nil, err
	}
	rows, err := database.All(ctx, m.db, scanProduct, `
		SELECT `+productColumns+` FROM products
		WHERE store_id = $1 AND id > $2 ORDER BY id LIMIT $3`, req.GetStoreId(), page.Key(0), page.Limit())
	if err != nil {
		return nil, err
	}
	rows, next := api.Trim(page, rows, productRow.key)
	return &storesv1.GetCatalogResponse{Products: productMessages(rows), NextPageToken: next}, nil
}

// GetProduct answers one product that is on a shelf.
func (m *module) GetProduct(ctx context.Context, req *storesv1.GetProductRequest) (*storesv1.GetProductResponse, error) {
	p, err := m.product(ctx, m.db, req.GetId())
	if err != nil {
		return nil, err
	}
	api.SetETag(ctx, p.version)
	return &storesv1.GetProductResponse{Product: p.message()}, nil
}
