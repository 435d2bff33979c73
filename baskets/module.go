package baskets

import (
	"context"
	"embed"

	"mallbots/baskets/internal/basket"
	"mallbots/internal/database"
	"mallbots/internal/eventsourcing"
	"mallbots/internal/host"
	"mallbots/internal/identity"
	"mallbots/internal/inbox"
	"mallbots/proto/mallbots/baskets/v1/basketsv1connect"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
)

//go:embed migrations/*.sql
var migrations embed.FS

// module is the baskets context. Its exported methods are its RPC service.
type module struct {
	db       database.DB
	currency string
	baskets  *eventsourcing.Repository[*basket.Basket, basket.Event]
}

// New mounts the module on h: its tables, its API, the events it listens to,
// its books.
func New(ctx context.Context, h *host.Host) error {
	s, err := h.Service(ctx, "baskets", migrations)
	if err != nil {
		return err
	}
	m := &module{
		db: s.DB, currency: h.Currency,
		baskets: eventsourcing.NewRepository("basket", basket.New, project, publish).Guard(theirs),
	}
	basketsv1connect.RegisterBasketsServiceHandler(h.RPC, m) // gRPC, gRPC-Web, Connect and REST

	inbox.On(s.Inbox, m.onStoreCreated)
	inbox.On(s.Inbox, m.onStoreRebranded)
	inbox.On(s.Inbox, m.onStoreParticipationChanged)
	inbox.On(s.Inbox, m.onProductAdded)
	inbox.On(s.Inbox, m.onProductRebranded)
	inbox.On(s.Inbox, m.onProductPriceChanged)
	inbox.On(s.Inbox, m.onProductRemoved)
	inbox.On(s.Inbox, m.onCustomerEnabled)
	inbox.On(s.Inbox, m.onCustomerDisabled)
	inbox.Ignore[*orderingv1.OrderCreated](s.Inbox) // a basket that was checked out is done
	inbox.Ignore[*orderingv1.OrderApproved](s.Inbox)
	inbox.Ignore[*orderingv1.OrderRejected](s.Inbox)
	inbox.Ignore[*orderingv1.OrderReadied](s.Inbox)
	inbox.Ignore[*orderingv1.OrderCompleted](s.Inbox)
	inbox.Ignore[*orderingv1.OrderCanceled](s.Inbox)

	s.Aggregates(m.baskets)
	s.Tables("checkouts")
	s.Rebuildable(m.baskets)
	s.Describe(m.describe)
	s.Check("totals equal the sum of the lines", m.checkTotals)
	s.Book("checkouts", checkoutsBook)
	s.Book("stores", storesBook)
	s.Book("prices", pricesBook)
	return nil
}

// theirs reports whether whoever asks may touch a basket.
func theirs(ctx context.Context, b *basket.Basket) bool {
	return identity.OwnsCustomer(ctx, b.CustomerID())
}
