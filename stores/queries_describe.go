package stores

import (
	"context"
	"errors"

	"mallbots/internal/database"
	"mallbots/internal/host"
)

// describe says to an operator what this module knows by an id: a store or a
// product.
func (m *module) describe(ctx context.Context, q database.Querier, id string) ([]host.Subject, error) {
	p, err := m.products.Load(ctx, q, id)
	if err == nil {
		s := host.Subject{Kind: "product", ID: id, State: "for sale", Since: p.UpdatedAt(), Currency: p.Currency(), Money: p.Price()}
		if p.Removed() {
			s.State = "removed"
		}
		return []host.Subject{s}, nil
	}
	if !errors.Is(err, m.products.ErrNotFound()) {
		return nil, err
	}
	found, err := m.stores.Load(ctx, q, id)
	if errors.Is(err, m.stores.ErrNotFound()) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s := host.Subject{Kind: "store", ID: id, State: "closed", Since: found.UpdatedAt()}
	if found.Participating() {
		s.State = "participating"
	}
	return []host.Subject{s}, nil
}
