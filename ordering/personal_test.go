package ordering

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
	"mallbots/ordering/internal/customer"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
)

// everything is what the tables of a database say, as text.
func everything(t *testing.T, db database.DB) string {
	t.Helper()
	text := ""
	for _, table := range []string{"events", "customers", "orders", "order_items", "outbox", "timers"} {
		columns, err := database.Columns(t.Context(), db, db.Dialect(), table)
		require.NoError(t, err)
		for _, column := range columns {
			all, err := database.All(t.Context(), db, func(row database.Row) (v any, err error) {
				err = row.Scan(&v)
				return v, err
			}, `SELECT `+column+` FROM `+table)
			require.NoError(t, err)
			for _, v := range all {
				if b, ok := v.([]byte); ok {
					v = string(b)
				}
				text += fmt.Sprintln(v)
			}
		}
	}
	return text
}

func TestNamesAndNumbersAreSealedAndCanBeErased(t *testing.T) {
	databasetest.Each(t, migrations, func(t *testing.T, db database.DB) {
		ctx := t.Context()
		since := time.Now()
		m := pending(t, db, &since)
		in(t, db, func(tx database.Tx) error {
			return m.customers.Update(ctx, tx, "ada", func(c *customer.Customer) error {
				if err := c.Rename("Ada King"); err != nil {
					return err
				}
				return c.ChangeSmsNumber("+44 2")
			})
		})
		stored := everything(t, db)
		for _, secret := range []string{"Lovelace", "King", "+44"} {
			require.NotContains(t, stored, secret)
		}
		res, err := m.GetCustomer(ctx, &orderingv1.GetCustomerRequest{Id: "ada"})
		require.NoError(t, err)
		require.Equal(t, []string{"Ada King", "+44 2"}, []string{res.GetCustomer().GetName(), res.GetCustomer().GetSmsNumber()})

		in(t, db, func(tx database.Tx) error { return m.keys.Erase(ctx, tx, "ada") })
		res, err = m.GetCustomer(ctx, &orderingv1.GetCustomerRequest{Id: "ada"})
		require.NoError(t, err, "what is left still folds")
		require.Equal(t, []string{"", ""}, []string{res.GetCustomer().GetName(), res.GetCustomer().GetSmsNumber()})
		o, err := m.GetOrder(ctx, &orderingv1.GetOrderRequest{Id: "o1"})
		require.NoError(t, err)
		require.Empty(t, o.GetOrder().GetCustomerName())
		in(t, db, func(tx database.Tx) error {
			return m.customers.Update(ctx, tx, "ada", (*customer.Customer).Disable)
		})
	})
}

func TestARebuildChangesNothing(t *testing.T) {
	databasetest.Each(t, migrations, func(t *testing.T, db database.DB) {
		since := time.Now()
		m := pending(t, db, &since)
		before := everything(t, db)
		in(t, db, func(tx database.Tx) error {
			for _, table := range []string{"customers", "orders", "order_items"} {
				if _, err := tx.Exec(t.Context(), `DELETE FROM `+table); err != nil {
					return err
				}
			}
			if err := m.customers.Rebuild(t.Context(), tx); err != nil {
				return err
			}
			return m.orders.Rebuild(t.Context(), tx)
		})
		require.Equal(t, before, everything(t, db))
	})
}
