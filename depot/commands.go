package depot

import (
	"context"

	"github.com/google/uuid"

	"mallbots/depot/internal/bot"
	"mallbots/depot/internal/shoppinglist"
	"mallbots/internal/api"
	"mallbots/internal/database"
	depotv1 "mallbots/proto/mallbots/depot/v1"
)

// reasonStaff is what a cancelled list says when staff give no reason.
const reasonStaff = "canceled by the depot"

// RegisterBot makes a bot known. It is idle.
func (m *module) RegisterBot(ctx context.Context, req *depotv1.RegisterBotRequest) (*depotv1.RegisterBotResponse, error) {
	return api.Mutate(ctx, m.db, req, func(ctx context.Context, tx database.Tx) (*depotv1.RegisterBotResponse, error) {
		id := newID()
		return &depotv1.RegisterBotResponse{Id: id}, m.bots.Create(ctx, tx, id, func(b *bot.Bot) error {
			return b.Register(req.GetName())
		})
	})
}

// AssignShoppingList gives a list to an idle bot. The bot that had it is idle then.
func (m *module) AssignShoppingList(ctx context.Context, req *depotv1.AssignShoppingListRequest) (*depotv1.AssignShoppingListResponse, error) {
	return api.Mutate(ctx, m.db, req, func(ctx context.Context, tx database.Tx) (*depotv1.AssignShoppingListResponse, error) {
		if _, err := m.bots.Load(ctx, tx, req.GetBotId()); err != nil {
			return nil, err
		}
		return &depotv1.AssignShoppingListResponse{}, m.lists.Update(ctx, tx, req.GetId(), func(l *shoppinglist.List) error {
			return l.Assign(req.GetBotId())
		})
	})
}

// CompleteShoppingList tells that everything on an assigned list is picked. Its
// bot is idle then.
func (m *module) CompleteShoppingList(ctx context.Context, req *depotv1.CompleteShoppingListRequest) (*depotv1.CompleteShoppingListResponse, error) {
	return api.Mutate(ctx, m.db, req, func(ctx context.Context, tx database.Tx) (*depotv1.CompleteShoppingListResponse, error) {
		return &depotv1.CompleteShoppingListResponse{}, m.lists.Update(ctx, tx, req.GetId(), (*shoppinglist.List).Complete)
	})
}

// CancelShoppingList gives a list up that is not picked yet. Its goods are back
// on hand, and its order will be cancelled.
func (m *module) CancelShoppingList(ctx context.Context, req *depotv1.CancelShoppingListRequest) (*depotv1.CancelShoppingListResponse, error) {
	reason := req.GetReason()
	if reason == "" {
		reason = reasonStaff
	}
	return api.Mutate(ctx, m.db, req, func(ctx context.Context, tx database.Tx) (*depotv1.CancelShoppingListResponse, error) {
		return &depotv1.CancelShoppingListResponse{}, m.lists.Update(ctx, tx, req.GetId(), func(l *shoppinglist.List) error {
			return l.Cancel(reason)
		})
	})
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }
