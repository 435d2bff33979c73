package stores

import (
	"context"
	"errors"
	"fmt"

	"mallbots/internal/database"
	moneyv1 "mallbots/proto/mallbots/money/v1"
	storesv1 "mallbots/proto/mallbots/stores/v1"
	"mallbots/stores/internal/product"
	"mallbots/stores/internal/store"
)

// projectStore writes a store's row.
func projectStore(_ context.Context, tx database.Tx, s *store.Store) error {
	participating := 0
	if s.Participating() {
		participating = 1
	}
	tx.Queue(database.Statement{
		SQL: `
			INSERT INTO stores (id, name, location, participating, version) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (id) DO UPDATE SET
				name = excluded.name, location = excluded.location,
				participating = excluded.participating, version = excluded.version`,
		Args: []any{s.ID(), s.Name(), s.Location(), participating, s.Version()},
	})
	return nil
}

// projectProduct writes the row of a product, or deletes that of a removed one.
// A row that another product has under the same SKU is left alone, and then the
// transaction fails.
func projectProduct(_ context.Context, tx database.Tx, p *product.Product) error {
	if p.Removed() {
		tx.Queue(database.Statement{SQL: `DELETE FROM products WHERE id = $1`, Args: []any{p.ID()}})
		return nil
	}
	tx.Queue(database.Statement{
		SQL: `
			INSERT INTO products (id, store_id, name, description, sku, price, currency, version)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
			ON CONFLICT (store_id, sku) DO UPDATE SET
				name = excluded.name, description = excluded.description,
				price = excluded.price, currency = excluded.currency, version = excluded.version
			WHERE products.id = excluded.id`,
		Args: []any{p.ID(), p.StoreID(), p.Name(), p.Description(), p.SKU(), p.Price(), p.Currency(), p.Version()},
		Rows: 1,
		Else: product.ErrSKUTaken.With("%s", p.SKU()),
	})
	return nil
}

// storeRow is a store as the queries see it.
type storeRow struct {
	id, name, location string
	participating      int64
	version            int64
}

const storeColumns = `id, name, location, participating, version`

func scanStore(row database.Row) (s storeRow, err error) {
	err = row.Scan(&s.id, &s.name, &s.location, &s.participating, &s.version)
	return s, err
}

func (s storeRow) key() []string { return []string{s.id} }

func (s storeRow) message() *storesv1.Store {
	return &storesv1.Store{Id: s.id, Name: s.name, Location: s.location, Participating: s.participating == 1}
}

func storeMessages(rows []storeRow) []*storesv1.Store {
	var all []*storesv1.Store
	for _, s := range rows {
		all = append(all, s.message())
	}
	return all
}

// store returns one store, or not found.
func (m *module) store(ctx context.Context, q database.Querier, id string) (storeRow, error) {
	s, err := database.One(ctx, q, scanStore, `SELECT `+storeColumns+` FROM stores WHERE id = $1`, id)
	if errors.Is(err, database.ErrNoRows) {
		return s, m.stores.ErrNotFound().With("%s", id)
	}
	return s, err
}

// productRow is a product on a shelf as the queries see it.
type productRow struct {
	id, storeID, name, description, sku string
	price                               int64
	currency                            string
	version                             int64
}

const productColumns = `id, store_id, name, description, sku, price, currency, version`

func scanProduct(row database.Row) (p productRow, err error) {
	err = row.Scan(&p.id, &p.storeID, &p.name, &p.description, &p.sku, &p.price, &p.currency, &p.version)
	return p, err
}

func (p productRow) key() []string { return []string{p.id} }

func (p productRow) message() *storesv1.Product {
	return &storesv1.Product{
		Id: p.id, StoreId: p.storeID, Name: p.name, Description: p.description, Sku: p.sku,
		Price: &moneyv1.Money{CurrencyCode: p.currency, MinorUnits: p.price},
	}
}

func productMessages(rows []productRow) []*storesv1.Product {
	var all []*storesv1.Product
	for _, p := range rows {
		all = append(all, p.message())
	}
	return all
}

// product returns one product that is on a shelf, or not found.
func (m *module) product(ctx context.Context, q database.Querier, id string) (productRow, error) {
	p, err := database.One(ctx, q, scanProduct, `SELECT `+productColumns+` FROM products WHERE id = $1`, id)
	if errors.Is(err, database.ErrNoRows) {
		return p, m.products.ErrNotFound().With("%s", id)
	}
	return p, err
}

// storesBook is, for the audit, what the stores are: id → whether it
// participates, and its name.
func storesBook(ctx context.Context, q database.Querier) (map[string]string, error) {
	rows, err := database.All(ctx, q, scanStore, `SELECT `+storeColumns+` FROM stores`)
	book := map[string]string{}
	for _, s := range rows {
		book[s.id] = fmt.Sprintf("%t %s", s.participating == 1, s.name)
	}
	return book, err
}

// pricesBook is, for the audit, what is for sale: product id → price.
func pricesBook(ctx context.Context, q database.Querier) (map[string]string, error) {
	rows, err := database.All(ctx, q, scanProduct, `SELECT `+productColumns+` FROM products`)
	book := map[string]string{}
	for _, p := range rows {
		book[p.id] = fmt.Sprintf("%s %d", p.currency, p.price)
	}
	return book, err
}
