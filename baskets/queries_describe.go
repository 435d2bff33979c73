package baskets

import (
	"context"
	"errors"
	"fmt"

	"mallbots/baskets/internal/basket"
	"mallbots/internal/database"
	"mallbots/internal/host"
)

// describe says to an operator what this module knows by an id: a basket, or
// its copy of a product.
func (m *module) describe(ctx context.Context, q database.Querier, id string) ([]host.Subject, error) {
	b, err := m.baskets.Load(ctx, q, id)
	if err == nil {
		s := host.Subject{
			Kind: "basket", ID: id, State: b.Status().String(), Since: b.UpdatedAt(), Currency: b.Currency(), Money: b.Total(), Customer: b.CustomerID(),
		}
		if b.Status() == basket.StatusOpen {
			s.WaitsFor = "its customer to check it out"
		}
		return []host.Subject{s}, nil
	}
	if !errors.Is(err, m.baskets.ErrNotFound()) {
		return nil, err
	}
	return database.All(ctx, q, func(row database.Row) (host.Subject, error) {
		s := host.Subject{Kind: "product", ID: id}
		var removed int64
		err := row.Scan(&s.Money, &s.Currency, &removed)
		s.State = fmt.Sprintf("known here, removed: %t", removed == 1)
		return s, err
	}, `SELECT price, currency, removed FROM products WHERE id = $1`, id)
}
