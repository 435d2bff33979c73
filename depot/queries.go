package depot

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"mallbots/depot/internal/stock"
	"mallbots/internal/api"
	"mallbots/internal/database"
	depotv1 "mallbots/proto/mallbots/depot/v1"
)

// GetStock answers what there is of one product: nothing, if none of a known
// product was ever received.
func (m *module) GetStock(ctx context.Context, req *depotv1.GetStockRequest) (*depotv1.GetStockResponse, error) {
	if _, err := productRemoved(ctx, m.db, req.GetProductId()); err != nil {
		return nil, err
	}
	level, version, err := levelOf(ctx, m.db, req.GetProductId())
	if err != nil {
		return nil, err
	}
	api.SetETag(ctx, version)
	return &depotv1.GetStockResponse{Stock: stockMessage(level)}, nil
}

// ListStock lists what there is of each product, the oldest product first. A
// product that was removed from its store is listed if there ever was any of it.
func (m *module) ListStock(ctx context.Context, req *depotv1.ListStockRequest) (*depotv1.ListStockResponse, error) {
	page, err := api.ParsePage(req, "stock")
	if err != nil {
		return nil, err
	}
	rows, err := database.All(ctx, m.db, func(row database.Row) (l stock.Level, err error) {
		err = row.Scan(&l.ProductID, &l.Received, &l.OnHand, &l.Reserved, &l.Picked)
		return l, err
	}, `
		SELECT p.id, COALESCE(s.received, 0), COALESCE(s.on_hand, 0), COALESCE(s.reserved, 0), COALESCE(s.picked, 0)
		FROM products p
		LEFT JOIN stock s ON s.product_id = p.id
		WHERE p.id > $1 AND (p.removed = 0 OR s.product_id IS NOT NULL)
		ORDER BY p.id LIMIT $2`, page.Key(0), page.Limit())
	if err != nil {
		return nil, fmt.Errorf("list stock: %w", err)
	}
	rows, next := api.Trim(page, rows, func(l stock.Level) []string { return []string{l.ProductID} })
	res := &depotv1.ListStockResponse{NextPageToken: next}
	for _, l := range rows {
		res.Stock = append(res.Stock, stockMessage(l))
	}
	return res, nil
}

// GetShoppingList answers one shopping list.
func (m *module) GetShoppingList(ctx context.Context, req *depotv1.GetShoppingListRequest) (*depotv1.GetShoppingListResponse, error) {
	row, err := m.list(ctx, m.db, req.GetId())
	if err != nil {
		return nil, err
	}
	lists, err := listMessages(ctx, m.db, []listRow{row})
	if err != nil {
		return nil, err
	}
	api.SetETag(ctx, row.version)
	return &depotv1.GetShoppingListResponse{ShoppingList: lists[0]}, nil
}

// ListShoppingLists lists the lists that match every given filter, the oldest
// first unless the newest are wanted so.
func (m *module) ListShoppingLists(ctx context.Context, req *depotv1.ListShoppingListsRequest) (*depotv1.ListShoppingListsResponse, error) {
	page, err := api.ParsePage(req, "shopping lists")
	if err != nil {
		return nil, err
	}
	beyond, direction := ">", ""
	args := []any{int64(-1), page.Key(1)}
	if req.GetNewestFirst() {
		beyond, direction = "<", " DESC"
		args[0] = int64(math.MaxInt64)
	}
	sql := `SELECT ` + listColumns + ` FROM shopping_lists WHERE (created_at, id) ` + beyond + ` ($1, $2)`
	if len(page.After) > 0 {
		created, err := strconv.ParseInt(page.Key(0), 10, 64)
		if err != nil {
			return nil, api.ErrPageToken.In("pageToken")
		}
		args[0] = created
	}
	filter := func(column, value string) {
		args = append(args, value)
		sql += fmt.Sprintf(" AND %s = $%d", column, len(args))
	}
	if req.GetOrderId() != "" {
		filter("id", req.GetOrderId())
	}
	if req.GetStatus() != depotv1.ShoppingListStatus_SHOPPING_LIST_STATUS_UNSPECIFIED {
		filter("status", strings.TrimPrefix(req.GetStatus().String(), statusPrefix))
	}
	args = append(args, page.Limit())
	rows, err := database.All(ctx, m.db, scanList, sql+fmt.Sprintf(" ORDER BY created_at%[1]s, id%[1]s LIMIT $%[2]d", direction, len(args)), args...)
	if err != nil {
		return nil, fmt.Errorf("list shopping lists: %w", err)
	}
	rows, next := api.Trim(page, rows, func(l listRow) []string { return []string{strconv.FormatInt(l.createdAt, 10), l.id} })
	lists, err := listMessages(ctx, m.db, rows)
	return &depotv1.ListShoppingListsResponse{ShoppingLists: lists, NextPageToken: next}, err
}

// ListBots lists every bot, the oldest first. One with a list is busy.
func (m *module) ListBots(ctx context.Context, req *depotv1.ListBotsRequest) (*depotv1.ListBotsResponse, error) {
	page, err := api.ParsePage(req, "bots")
	if err != nil {
		return nil, err
	}
	rows, err := database.All(ctx, m.db, func(row database.Row) (*depotv1.Bot, error) {
		b := &depotv1.Bot{Status: depotv1.BotStatus_BOT_STATUS_IDLE}
		var listID string
		err := row.Scan(&b.Id, &b.Name, &listID)
		if listID != "" {
			b.Status = depotv1.BotStatus_BOT_STATUS_BUSY
		}
		return b, err
	}, `
		SELECT b.id, b.name, COALESCE(w.list_id, '') FROM bots b
		LEFT JOIN bot_work w ON w.bot_id = b.id
		WHERE b.id > $1 ORDER BY b.id LIMIT $2`, page.Key(0), page.Limit())
	if err != nil {
		return nil, fmt.Errorf("list bots: %w", err)
	}
	rows, next := api.Trim(page, rows, func(b *depotv1.Bot) []string { return []string{b.GetId()} })
	return &depotv1.ListBotsResponse{Bots: rows, NextPageToken: next}, nil
}
