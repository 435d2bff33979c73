package depot

import (
	"context"
	"embed"

	"mallbots/depot/internal/bot"
	"mallbots/depot/internal/shoppinglist"
	"mallbots/internal/database"
	"mallbots/internal/eventsourcing"
	"mallbots/internal/host"
	"mallbots/internal/inbox"
	"mallbots/proto/mallbots/depot/v1/depotv1connect"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

//go:embed migrations/*.sql
var migrations embed.FS

// module is the depot context. Its exported methods are its RPC service.
type module struct {
	db    database.DB
	lists *eventsourcing.Repository[*shoppinglist.List, shoppinglist.Event]
	bots  *eventsourcing.Repository[*bot.Bot, bot.Event]
}

// New mounts the module on h: its tables, its API, the events it hears and its
// books.
func New(ctx context.Context, h *host.Host) error {
	s, err := h.Service(ctx, "depot", migrations)
	if err != nil {
		return err
	}
	m := newModule(s.DB)
	depotv1connect.RegisterDepotServiceHandler(h.RPC, m) // gRPC, gRPC-Web, Connect and REST

	in := s.Inbox
	if s.DB.Dialect() == database.Postgres { // it locks rows; SQLite has one writer
		in.OneByOne()
	}
	inbox.On(in, m.onStoreCreated)
	inbox.On(in, m.onStoreRebranded)
	inbox.Ignore[*storesv1.StoreParticipationChanged](in)
	inbox.On(in, m.onProductAdded)
	inbox.On(in, m.onProductRebranded)
	inbox.Ignore[*storesv1.ProductPriceChanged](in)
	inbox.On(in, m.onProductRemoved)
	inbox.On(in, m.onOrderCreated)
	inbox.On(in, m.onOrderRejected)
	inbox.On(in, m.onOrderCanceled)
	inbox.Ignore[*orderingv1.OrderApproved](in)
	inbox.Ignore[*orderingv1.OrderReadied](in)
	inbox.Ignore[*orderingv1.OrderCompleted](in)
	inbox.Ignore[*orderingv1.CustomerEnabled](in)
	inbox.Ignore[*orderingv1.CustomerDisabled](in)

	s.Aggregates(m.lists, m.bots)
	s.Tables("bots", "shopping_lists", "bot_work")
	s.Rebuildable(m.bots, m.lists)
	s.Describe(m.describe)
	s.Unfinished(unfinished)
	s.Check("received = on hand + reserved + picked, in the levels and in the ledger", checkStock)
	s.Check("reserved and picked are what the lists hold", checkHolds)
	s.Book("reserved", reservedBook)
	s.Book("picked", pickedBook)
	s.Book("lists", listsBook)
	return nil
}

// newModule returns the module on its database.
func newModule(db database.DB) *module {
	m := &module{db: db}
	m.lists = eventsourcing.NewRepository("shopping_list", shoppinglist.New, projectList, carryOut)
	m.bots = eventsourcing.NewRepository("bot", bot.New, projectBot, nil)
	return m
}
