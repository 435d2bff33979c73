package ordering

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
	"mallbots/internal/outbox"
	"mallbots/ordering/internal/customer"
	"mallbots/ordering/internal/fulfilment"
	basketsv1 "mallbots/proto/mallbots/baskets/v1"
	depotv1 "mallbots/proto/mallbots/depot/v1"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
)

// pending is a module with one pending order, o1 of ada, that has been well
// since a moment.
func pending(t *testing.T, db database.DB, since *time.Time) *module {
	t.Helper()
	m := ordered(t, db, since)
	sent(t, db)
	return m
}

// ordered is the module with the order o1, whose events wait in the outbox.
func ordered(t *testing.T, db database.DB, since *time.Time) *module {
	t.Helper()
	m := newModule(db, fulfilment.Patience, ear{
		healthySince: func() time.Time { return *since },
		heardUntil:   time.Now,
		parked:       func(context.Context, database.Querier, string) (bool, error) { return false, nil },
	})
	in(t, db, func(tx database.Tx) error {
		return m.customers.Create(t.Context(), tx, "ada", func(c *customer.Customer) error { return c.Register("Ada Lovelace", "+44 1") })
	})
	in(t, db, func(tx database.Tx) error { return m.onBasketCheckedOut(t.Context(), tx, basket("o1", "ada")) })
	return m
}

// sent empties the outbox, as if all had been published long ago.
func sent(t *testing.T, db database.DB) {
	t.Helper()
	in(t, db, func(tx database.Tx) error {
		_, err := tx.Exec(t.Context(), `DELETE FROM outbox`)
		return err
	})
}

// basket is what a customer has checked out: 3 of tea.
func basket(id, customerID string) *basketsv1.BasketCheckedOut {
	return &basketsv1.BasketCheckedOut{
		BasketId: id, CustomerId: customerID, PaymentId: "p1", Total: money("USD", 300),
		Items: []*basketsv1.BasketCheckedOutItem{
			{StoreId: "s1", StoreName: "Exotic Liquids", ProductId: "tea", ProductName: "Tea", Price: money("USD", 100), Quantity: 3},
		},
	}
}

func in(t *testing.T, db database.DB, f func(tx database.Tx) error) {
	t.Helper()
	require.NoError(t, db.InTx(t.Context(), f))
}

// due is when o1's deadline is; the zero time when it has none.
func due(t *testing.T, db database.DB) time.Time {
	t.Helper()
	all, err := database.All(t.Context(), db, database.Value[int64], `SELECT due_at FROM timers WHERE name = $1 AND key = 'o1'`, deadline)
	require.NoError(t, err)
	if len(all) == 0 {
		return time.Time{}
	}
	return database.Time(all[0])
}

func statusOf(t *testing.T, m *module) []string {
	t.Helper()
	o, err := m.order(t.Context(), m.db, "o1")
	require.NoError(t, err)
	return []string{o.status, o.reason}
}

// fire does what the timers do: it removes the row and calls the handler.
func fire(t *testing.T, m *module) {
	t.Helper()
	in(t, m.db, func(tx database.Tx) error {
		if _, err := tx.Exec(t.Context(), `DELETE FROM timers`); err != nil {
			return err
		}
		return m.onDeadline(t.Context(), tx, "o1")
	})
}

func TestADepotThatStaysSilentLosesTheOrder(t *testing.T) {
	databasetest.Each(t, migrations, func(t *testing.T, db database.DB) {
		since := time.Now().Add(-time.Hour)
		m := pending(t, db, &since)
		require.WithinDuration(t, time.Now().Add(10*time.Minute), due(t, db), 10*time.Second)
		fire(t, m)
		require.Equal(t, []string{"REJECTED", fulfilment.ReasonNoAnswer}, statusOf(t, m))
		require.Zero(t, due(t, db))

		in(t, db, func(tx database.Tx) error { // the answer comes late
			return m.onStockReserved(t.Context(), tx, &depotv1.StockReserved{OrderId: "o1"})
		})
		require.Equal(t, "REJECTED", statusOf(t, m)[0])
		fire(t, m)
		require.NoError(t, checkDeadlines(t.Context(), db))
	})
}

func TestAnOutageNeverBecomesARejection(t *testing.T) {
	databasetest.Each(t, migrations, func(t *testing.T, db database.DB) {
		since := time.Now().Add(-9 * time.Minute)
		m := pending(t, db, &since)
		fire(t, m)
		require.Equal(t, "PENDING", statusOf(t, m)[0])
		require.WithinDuration(t, since.Add(10*time.Minute), due(t, db), time.Second, "it gets its ten healthy minutes")

		since = time.Time{} // unwell now
		fire(t, m)
		require.Equal(t, "PENDING", statusOf(t, m)[0])
		require.WithinDuration(t, time.Now().Add(10*time.Minute), due(t, db), 10*time.Second)

		since = time.Now().Add(-11 * time.Minute)
		fire(t, m)
		require.Equal(t, "REJECTED", statusOf(t, m)[0])
	})
}

func TestAnAnswerEndsThePatience(t *testing.T) {
	databasetest.Each(t, migrations, func(t *testing.T, db database.DB) {
		since := time.Now().Add(-time.Hour)
		m := pending(t, db, &since)
		in(t, db, func(tx database.Tx) error {
			return m.onStockReserved(t.Context(), tx, &depotv1.StockReserved{OrderId: "o1"})
		})
		require.Zero(t, due(t, db), "the timer goes with the answer")
		require.NoError(t, checkDeadlines(t.Context(), db))
		fire(t, m) // it had fired at the same moment
		require.Equal(t, "APPROVED", statusOf(t, m)[0])
		since = time.Time{}
		fire(t, m)
		require.Zero(t, due(t, db), "nothing to arm again")
		in(t, db, func(tx database.Tx) error { return m.onDeadline(t.Context(), tx, "nobody's") })
	})
}

func TestTheChecksSeeWhatIsWrong(t *testing.T) {
	for _, sql := range []string{
		`UPDATE orders SET total = total + 1`,
		`UPDATE order_items SET quantity = quantity + 1, price = 0`,
		`DELETE FROM order_items`,
		`DELETE FROM timers`,
		`UPDATE orders SET status = 'APPROVED'`,
		`UPDATE timers SET key = 'o2'`,
	} {
		db := databasetest.Open(t, database.SQLite, "ordering", migrations)
		since := time.Now()
		pending(t, db, &since)
		require.NoError(t, checkTotals(t.Context(), db))
		require.NoError(t, checkDeadlines(t.Context(), db))
		in(t, db, func(tx database.Tx) error {
			_, err := tx.Exec(t.Context(), sql)
			return err
		})
		total, deadlines := checkTotals(t.Context(), db), checkDeadlines(t.Context(), db)
		require.True(t, total != nil || deadlines != nil, sql)
	}
}

func TestSilenceCountsFromWhenTheDepotCouldHear(t *testing.T) {
	databasetest.Each(t, migrations, func(t *testing.T, db database.DB) {
		since := time.Now().Add(-time.Hour)
		m := pending(t, db, &since)
		in(t, db, func(tx database.Tx) error { // the order waits in the outbox
			return outbox.Publish(t.Context(), tx, "o1", &orderingv1.OrderCreated{OrderId: "o1"})
		})
		fire(t, m)
		require.Equal(t, "PENDING", statusOf(t, m)[0])
		require.WithinDuration(t, time.Now().Add(10*time.Minute), due(t, db), 10*time.Second)
		sent(t, db)

		m.ear.heardUntil = func() time.Time { return time.Now().Add(-51 * time.Minute) } // it is behind with what the depot says
		fire(t, m)
		require.Equal(t, "PENDING", statusOf(t, m)[0])
		require.WithinDuration(t, time.Now().Add(lookAgain), due(t, db), time.Second)

		m.ear.heardUntil = time.Now
		m.ear.parked = func(context.Context, database.Querier, string) (bool, error) { return true, nil } // an answer waits for an operator
		fire(t, m)
		require.Equal(t, "PENDING", statusOf(t, m)[0])

		m.ear.parked = func(context.Context, database.Querier, string) (bool, error) { return false, nil }
		fire(t, m)
		require.Equal(t, "REJECTED", statusOf(t, m)[0])
	})
}
