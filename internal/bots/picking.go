package bots

import (
	"context"
	"fmt"
	"slices"

	"mallbots/internal/client"
	depotv1 "mallbots/proto/mallbots/depot/v1"
	"mallbots/proto/mallbots/depot/v1/depotv1connect"
)

// Depot is where the bots work, seen through its public API.
type Depot struct {
	client *client.Client
	rpc    depotv1connect.DepotServiceClient
}

// In returns the depot of a mall.
func In(mall *client.Client) *Depot {
	return &Depot{mall, depotv1connect.NewDepotServiceClient(mall.RPC)}
}

const (
	available = depotv1.ShoppingListStatus_SHOPPING_LIST_STATUS_AVAILABLE
	assigned  = depotv1.ShoppingListStatus_SHOPPING_LIST_STATUS_ASSIGNED
)

// Enlist returns the ids of count bots called name-1, name-2 and so on. Those
// that are registered already are taken again.
func (d *Depot) Enlist(ctx context.Context, name string, count int) ([]string, error) {
	known := map[string]string{}
	for req := (&depotv1.ListBotsRequest{PageSize: 100}); ; {
		page, err := client.Ask(ctx, d.client, d.rpc.ListBots, req)
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
		res, _, err := client.Tell(ctx, d.client, d.rpc.RegisterBot, &depotv1.RegisterBotRequest{Name: called})
		if err != nil {
			return nil, fmt.Errorf("register bot %s: %w", called, err)
		}
		ids[i] = res.GetId()
	}
	return ids, nil
}

// Pick has a bot pick a list. It returns the position of the completion, and
// none when somebody else was faster or the list was given up.
func (d *Depot) Pick(ctx context.Context, listID, bot string) (position string, err error) {
	assign := &depotv1.AssignShoppingListRequest{Id: listID, BotId: bot}
	_, _, err = client.Tell(ctx, d.client, d.rpc.AssignShoppingList, assign)
	if err != nil && client.Reason(err) == "BOT_BUSY" { // with a list of a life that ended early
		if err = d.finish(ctx, []string{bot}, nil); err == nil {
			_, _, err = client.Tell(ctx, d.client, d.rpc.AssignShoppingList, assign)
		}
	}
	if err == nil {
		_, position, err = client.Tell(ctx, d.client, d.rpc.CompleteShoppingList, &depotv1.CompleteShoppingListRequest{Id: listID})
	}
	if err == nil {
		return position, nil
	}
	if client.Refused(err) {
		list, getErr := client.Ask(ctx, d.client, d.rpc.GetShoppingList, &depotv1.GetShoppingListRequest{Id: listID})
		if status := list.GetShoppingList().GetStatus(); getErr == nil && status != available && status != assigned {
			return "", nil
		}
	}
	return "", fmt.Errorf("pick list %s: %w", listID, err)
}

// finish completes the lists that bots hold. Picked, if not nil, hears of each.
func (d *Depot) finish(ctx context.Context, bots []string, picked func(ctx context.Context, id, position string) error) error {
	for req := (&depotv1.ListShoppingListsRequest{Status: assigned, PageSize: 100}); ; {
		page, err := client.Ask(ctx, d.client, d.rpc.ListShoppingLists, req)
		if err != nil {
			return fmt.Errorf("list shopping lists: %w", err)
		}
		for _, list := range page.GetShoppingLists() {
			if !slices.Contains(bots, list.GetAssignedBotId()) {
				continue
			}
			_, position, err := client.Tell(ctx, d.client, d.rpc.CompleteShoppingList, &depotv1.CompleteShoppingListRequest{Id: list.GetId()})
			if err == nil && picked != nil {
				err = picked(ctx, list.GetId(), position)
			}
			if err != nil && !client.Refused(err) {
				return fmt.Errorf("complete list %s: %w", list.GetId(), err)
			}
		}
		if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
			return nil
		}
	}
}
