package ordering

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
	"mallbots/internal/eventsourcing"
	"mallbots/ordering/internal/order"
	depotv1 "mallbots/proto/mallbots/depot/v1"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
)

// TestTheCustomerAndTheDepotMeetWithoutADeadlock lets a customer cancel while
// the depot reports: one of them is first, and the other loses the race or is
// refused. Nobody waits for the database to end a deadlock.
func TestTheCustomerAndTheDepotMeetWithoutADeadlock(t *testing.T) {
	databasetest.Each(t, migrations, func(t *testing.T, db database.DB) {
		ctx := t.Context()
		since := time.Now()
		m := pending(t, db, &since)
		for i := range 60 {
			id := fmt.Sprintf("order-%d", i)
			in(t, db, func(tx database.Tx) error { return m.onBasketCheckedOut(ctx, tx, basket(id, "ada")) })
			in(t, db, func(tx database.Tx) error { return m.onStockReserved(ctx, tx, &depotv1.StockReserved{OrderId: id}) })
			var both sync.WaitGroup
			var canceled, picked error
			both.Go(func() { _, canceled = m.CancelOrder(ctx, &orderingv1.CancelOrderRequest{Id: id}) })
			both.Go(func() {
				picked = db.InTx(ctx, func(tx database.Tx) error {
					return m.onShoppingListCompleted(ctx, tx, &depotv1.ShoppingListCompleted{OrderId: id})
				})
			})
			both.Wait()
			if canceled != nil {
				require.ErrorIs(t, canceled, order.ErrState)
			}
			if picked != nil {
				require.ErrorIs(t, picked, eventsourcing.ErrConflict)
			}
			o, err := m.orders.Load(ctx, db, id)
			require.NoError(t, err)
			if canceled == nil {
				require.Equal(t, order.StatusCanceled, o.Status())
			} else {
				require.Equal(t, order.StatusReady, o.Status())
			}
		}
	})
}
