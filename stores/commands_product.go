package stores

import (
	"context"

	"mallbots/internal/api"
	"mallbots/internal/database"
	"mallbots/internal/fault"
	moneyv1 "mallbots/proto/mallbots/money/v1"
	storesv1 "mallbots/proto/mallbots/stores/v1"
	"mallbots/stores/internal/product"
)

// errCurrency refuses a price in a currency that the mall does not trade in.
var errCurrency = fault.New(fault.Invalid, "CURRENCY_MISMATCH", "the mall trades in another currency")

// AddProduct puts a product on a store's shelf.
func (m *module) AddProduct(ctx context.Context, req *storesv1.AddProductRequest) (*storesv1.AddProductResponse, error) {
	price, err := m.price(req.GetPrice())
	if err != nil {
		return nil, err
	}
	return api.Mutate(ctx, m.db, req, func(ctx context.Context, tx database.Tx) (*storesv1.AddProductResponse, error) {
		if _, err := m.store(ctx, tx, req.GetStoreId()); err != nil {
			return nil, err
		}
		id := newID()
		return &storesv1.AddProductResponse{Id: id}, m.products.Create(ctx, tx, id, func(p *product.Product) error {
			return p.Add(product.Added{
				StoreID: req.GetStoreId(), Name: req.GetName(), Description: req.GetDescription(), SKU: req.GetSku(),
				Price: price, Currency: m.currency,
			})
		})
	})
}

// RebrandProduct gives a product another name and description.
func (m *module) RebrandProduct(ctx context.Context, req *storesv1.RebrandProductRequest) (*storesv1.RebrandProductResponse, error) {
	return api.Mutate(ctx, m.db, req, func(ctx context.Context, tx database.Tx) (*storesv1.RebrandProductResponse, error) {
		return &storesv1.RebrandProductResponse{}, m.products.Update(ctx, tx, req.GetId(), func(p *product.Product) error {
			return p.Rebrand(req.GetName(), req.GetDescription())
		})
	})
}

// IncreaseProductPrice sets a higher price.
func (m *module) IncreaseProductPrice(ctx context.Context, req *storesv1.IncreaseProductPriceRequest) (*storesv1.IncreaseProductPriceResponse, error) {
	price, err := m.price(req.GetPrice())
	if err != nil {
		return nil, err
	}
	return api.Mutate(ctx, m.db, req, func(ctx context.Context, tx database.Tx) (*storesv1.IncreaseProductPriceResponse, error) {
		return &storesv1.IncreaseProductPriceResponse{}, m.products.Update(ctx, tx, req.GetId(), func(p *product.Product) error {
			return p.IncreasePrice(price)
		})
	})
}

// DecreaseProductPrice sets a lower price.
func (m *module) DecreaseProductPrice(ctx context.Context, req *storesv1.DecreaseProductPriceRequest) (*storesv1.DecreaseProductPriceResponse, error) {
	price, err := m.price(req.GetPrice())
	if err != nil {
		return nil, err
	}
	return api.Mutate(ctx, m.db, req, func(ctx context.Context, tx database.Tx) (*storesv1.DecreaseProductPriceResponse, error) {
		return &storesv1.DecreaseProductPriceResponse{}, m.products.Update(ctx, tx, req.GetId(), func(p *product.Product) error {
			return p.DecreasePrice(price)
		})
	})
}

// RemoveProduct takes a product off the shelf for good.
func (m *module) RemoveProduct(ctx context.Context, req *storesv1.RemoveProductRequest) (*storesv1.RemoveProductResponse, error) {
	return api.Mutate(ctx, m.db, req, func(ctx context.Context, tx database.Tx) (*storesv1.RemoveProductResponse, error) {
		return &storesv1.RemoveProductResponse{}, m.products.Update(ctx, tx, req.GetId(), func(p *product.Product) error {
			return p.Remove()
		})
	})
}

// price returns the minor units of a price in the mall's currency.
func (m *module) price(price *moneyv1.Money) (int64, error) {
	if price.GetCurrencyCode() != m.currency {
		return 0, errCurrency.With("it is %s, not %s", m.currency, price.GetCurrencyCode()).In("price.currencyCode")
	}
	return price.GetMinorUnits(), nil
}
