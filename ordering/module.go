package ordering

import (
	"context"
	"embed"
	"time"

	"mallbots/internal/database"
	"mallbots/internal/eventsourcing"
	"mallbots/internal/host"
	"mallbots/internal/identity"
	"mallbots/internal/inbox"
	"mallbots/internal/personal"
	"mallbots/ordering/internal/customer"
	"mallbots/ordering/internal/fulfilment"
	"mallbots/ordering/internal/order"
	basketsv1 "mallbots/proto/mallbots/baskets/v1"
	depotv1 "mallbots/proto/mallbots/depot/v1"
	"mallbots/proto/mallbots/ordering/v1/orderingv1connect"
)

//go:embed migrations/*.sql
var migrations embed.FS

// module is the ordering context. Its exported methods are its RPC service.
type module struct {
	db          database.DB
	keys        personal.Keys
	patience    time.Duration // with the depot
	now         func() time.Time
	ear         ear
	customers   *eventsourcing.Repository[*customer.Customer, customer.Event]
	orders      *eventsourcing.Repository[*order.Order, order.Event]
	fulfilments *eventsourcing.Repository[*fulfilment.Fulfilment, fulfilment.Event]
}

// New mounts the module on h: its tables, its API, the events it hears, its
// deadline and its books.
func New(ctx context.Context, h *host.Host) error { return mount(ctx, h, fulfilment.Patience) }

// mount is New with another patience.
func mount(ctx context.Context, h *host.Host, patience time.Duration) error {
	s, err := h.Service(ctx, "ordering", migrations)
	if err != nil {
		return err
	}
	m := newModule(s.DB, patience, ear{
		healthySince: s.HealthySince,
		heardUntil:   func() time.Time { return s.Inbox.HeardUntil("depot") },
		parked: func(ctx context.Context, q database.Querier, orderID string) (bool, error) {
			return s.Inbox.Parked(ctx, q, "depot", orderID)
		},
	})
	m.now = s.Now
	orderingv1connect.RegisterOrderingServiceHandler(h.RPC, m) // gRPC, gRPC-Web, Connect and REST

	in := s.Inbox
	inbox.On(in, m.onBasketCheckedOut)
	inbox.Ignore[*basketsv1.BasketStarted](in)
	inbox.Ignore[*basketsv1.BasketCanceled](in)
	inbox.On(in, m.onStockReserved)
	inbox.On(in, m.onStockReservationFailed)
	inbox.On(in, m.onShoppingListCompleted)
	inbox.On(in, m.onShoppingListCanceled)
	inbox.Ignore[*depotv1.ShoppingListAssigned](in)
	inbox.Ignore[*depotv1.StockReceived](in)
	s.Timers.On(deadline, m.onDeadline)

	s.Aggregates(m.customers, m.orders, m.fulfilments)
	s.Tables("customers", "orders", "order_items")
	s.Rebuildable(m.customers, m.orders)
	s.Republishable(m.customers.Snapshots(snapshotCustomer)) // an order is no state but a story, which is not told twice
	s.Describe(m.describe)
	s.Unfinished(unfinished)
	s.Check("totals equal the sum of the lines", checkTotals)
	s.Check("every pending order has its deadline, and no other has one", checkDeadlines)
	s.Book("checkouts", checkoutsBook)
	s.Book("reserved", reservedBook)
	s.Book("picked", pickedBook)
	s.Book("lists", listsBook)
	return nil
}

// newModule returns the module on its database.
func newModule(db database.DB, patience time.Duration, ear ear) *module {
	m := &module{db: db, patience: patience, now: time.Now, ear: ear}
	m.customers = eventsourcing.NewRepository("customer", customer.New, m.projectCustomer, publishCustomer).Seal(m.keys)
	m.orders = eventsourcing.NewRepository("order", order.New, projectOrder, publishOrder).Guard(theirs)
	m.fulfilments = eventsourcing.NewRepository("fulfilment", fulfilment.New, nil, m.carryOut)
	return m
}

// theirs reports whether whoever asks may touch an order.
func theirs(ctx context.Context, o *order.Order) bool {
	return identity.OwnsCustomer(ctx, o.CustomerID())
}
