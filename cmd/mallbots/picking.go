package main

import (
	"context"
	"fmt"
	"slices"

	depotv1 "mallbots/proto/mallbots/depot/v1"
)

const (
	available = depotv1.ShoppingListStatus_SHOPPING_LIST_STATUS_AVAILABLE
	assigned  = depotv1.ShoppingListStatus_SHOPPING_LIST_STATUS_ASSIGNED
)

// enlist returns the ids of count bots called name-1, name-2 and so on. Those
// that are registered already are taken again.
func (m *mall) enlist(ctx context.Context, name string, count int) ([]string, error) {
	known := map[string]string{}
	for req := (&depotv1.ListBotsRequest{PageSize: 100}); ; {
		page, err := ask(ctx, m, m.depot.ListBots, req)
		if err != nil {
			return nil, fmt.Errorf("list bots: %w", err)
		}
		for _, b := range page.GetBots() {
			known[b.GetName()] = b.GetId()
		}
		if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
			break
		}
	}
	ids := make([]string, count)
	for i := range ids {
		called := fmt.Sprintf("%s-%d", name, i+1)
		if ids[i] = known[called]; ids[i] != "" {
			continue
		}
		res, _, err := tell(ctx, m, m.depot.RegisterBot, &depotv1.RegisterBotRequest{Name: called})
		if err != nil {
			return nil, fmt.Errorf("register bot %s: %w", called, err)
		}
		ids[i] = res.GetId()
	}
	return ids, nil
}

// pick has a bot pick a list. It returns the position of the completion, and
// none when somebody else was faster or the list was given up.
func (m *mall) pick(ctx context.Context, listID, bot string) (position string, err error) {
	assign := &depotv1.AssignShoppingListRequest{Id: listID, BotId: bot}
	_, _, err = tell(ctx, m, m.depot.AssignShoppingList, assign)
	if err != nil && reason(err) == "BOT_BUSY" { // with a list of a life that ended early
		if err = m.finish(ctx, []string{bot}, nil); err == nil {
			_, _, err = tell(ctx, m, m.depot.AssignShoppingList, assign)
		}
	}
	if err == nil {
		_, position, err = tell(ctx, m, m.depot.CompleteShoppingList, &depotv1.CompleteShoppingListRequest{Id: listID})
	}
	if err == nil {
		return position, nil
	}
	if refused(err) {
		list, getErr := ask(ctx, m, m.depot.GetShoppingList, &depotv1.GetShoppingListRequest{Id: listID})
		if status := list.GetShoppingList().GetStatus(); getErr == nil && status != available && status != assigned {
			return "", nil
		}
	}
	return "", fmt.Errorf("pick list %s: %w", listID, err)
}

// finish completes the lists that bots hold. Picked, if not nil, hears of each.
func (m *mall) finish(ctx context.Context, bots []string, picked func(ctx context.Context, id, position string) error) error {
	for req := (&depotv1.ListShoppingListsRequest{Status: assigned, PageSize: 100}); ; {
		page, err := ask(ctx, m, m.depot.ListShoppingLists, req)
		if err != nil {
			return fmt.Errorf("list shopping lists: %w", err)
		}
		for _, list := range page.GetShoppingLists() {
			if !slices.Contains(bots, list.GetAssignedBotId()) {
				continue
			}
			_, position, err := tell(ctx, m, m.depot.CompleteShoppingList, &depotv1.CompleteShoppingListRequest{Id: list.GetId()})
			if err == nil && picked != nil {
				err = picked(ctx, list.GetId(), position)
			}
			if err != nil && !refused(err) {
				return fmt.Errorf("complete list %s: %w", list.GetId(), err)
			}
		}
		if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
			return nil
		}
	}
}
