package baskets

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/baskets/internal/basket"
	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
	"mallbots/internal/eventsourcing"
	moneyv1 "mallbots/proto/mallbots/money/v1"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

// TestTheAuditNoticesAWrongTotal spoils a row of the read model: a check that
// can not fail is none.
func TestTheAuditNoticesAWrongTotal(t *testing.T) {
	databasetest.Each(t, migrations, func(t *testing.T, db database.DB) {
		ctx := t.Context()
		m := &module{db: db, baskets: eventsourcing.NewRepository("basket", basket.New, project, nil)}
		chai := basket.Offer{StoreID: "s1", ProductID: "chai", Price: 1800, Open: true}
		require.NoError(t, db.InTx(ctx, func(tx database.Tx) error {
			return m.baskets.Create(ctx, tx, "b1", func(b *basket.Basket) error {
				require.NoError(t, b.Start("ada", "USD"))
				require.NoError(t, b.AddItem(chai, 2))
				return b.CheckOut("p1", false, map[string]basket.Offer{"chai": chai})
			})
		}))
		require.NoError(t, m.checkTotals(ctx, db))
		book, err := checkoutsBook(ctx, db)
		require.NoError(t, err)
		require.Equal(t, map[string]string{"b1": "ada 3600 USD 2"}, book)

		require.NoError(t, db.InTx(ctx, func(tx database.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE checkouts SET total = 3601`)
			return err
		}))
		require.ErrorContains(t, m.checkTotals(ctx, db), "b1")
	})
}

func TestOffersOfAFullBasket(t *testing.T) {
	databasetest.Each(t, migrations, func(t *testing.T, db database.DB) {
		m := &module{db: db, currency: "USD"}
		var ids []string
		require.NoError(t, db.InTx(t.Context(), func(tx database.Tx) error {
			if err := m.onStoreCreated(t.Context(), tx, &storesv1.StoreCreated{StoreId: "s1", Name: "Exotic Liquids", Participating: true}); err != nil {
				return err
			}
			for n := range basket.MaxLines {
				ids = append(ids, fmt.Sprintf("p%d", n))
				if err := addProduct(t.Context(), m, tx, ids[n], int64(n)); err != nil {
					return err
				}
			}
			return m.onProductRemoved(t.Context(), tx, &storesv1.ProductRemoved{ProductId: "p7"})
		}))
		known, err := offers(t.Context(), db, append(ids, "nobody's")...)
		require.NoError(t, err)
		require.Len(t, known, basket.MaxLines)
		require.Equal(t, basket.Offer{
			StoreID: "s1", StoreName: "Exotic Liquids", ProductID: "p199", ProductName: "Chai", Price: 199, Open: true,
		}, known["p199"])
		require.True(t, known["p7"].Removed)

		prices, err := pricesBook(t.Context(), db)
		require.NoError(t, err)
		require.Len(t, prices, basket.MaxLines-1, "what was removed is not for sale")
		require.Equal(t, "USD 199", prices["p199"])
		stores, err := storesBook(t.Context(), db)
		require.NoError(t, err)
		require.Equal(t, map[string]string{"s1": "true Exotic Liquids"}, stores)
	})
}

func addProduct(ctx context.Context, m *module, tx database.Tx, id string, price int64) error {
	return m.onProductAdded(ctx, tx, &storesv1.ProductAdded{
		ProductId: id, StoreId: "s1", Name: "Chai", Price: &moneyv1.Money{CurrencyCode: "USD", MinorUnits: price},
	})
}
