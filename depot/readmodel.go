package depot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"mallbots/depot/internal/bot"
	"mallbots/depot/internal/shoppinglist"
	"mallbots/internal/database"
	"mallbots/internal/fault"
	depotv1 "mallbots/proto/mallbots/depot/v1"
)

// errBotBusy refuses a second list for a bot.
var errBotBusy = fault.New(fault.Conflict, "BOT_BUSY", "the bot is BUSY with another list; assign an idle one")

// projectBot writes a bot's row.
func projectBot(_ context.Context, tx database.Tx, b *bot.Bot) error {
	tx.Queue(database.Statement{
		SQL: `
			INSERT INTO bots (id, name, version) VALUES ($1, $2, $3)
			ON CONFLICT (id) DO UPDATE SET name = excluded.name, version = excluded.version`,
		Args: []any{b.ID(), b.Name(), b.Version()},
	})
	return nil
}

// projectList writes a list's row, and which bot is busy with it. A bot that
// works on another list lets the transaction fail.
func projectList(_ context.Context, tx database.Tx, l *shoppinglist.List) error {
	items, err := json.Marshal(l.Items())
	if err != nil {
		return err
	}
	tx.Queue(database.Statement{
		SQL: `
			INSERT INTO shopping_lists (id, status, bot_id, items, created_at, version) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (id) DO UPDATE SET status = excluded.status, bot_id = excluded.bot_id, version = excluded.version`,
		Args: []any{l.ID(), string(l.Status()), l.BotID(), string(items), database.Micros(l.CreatedAt()), l.Version()},
	})
	if l.Loaded() {
		tx.Queue(database.Statement{SQL: `DELETE FROM bot_work WHERE list_id = $1`, Args: []any{l.ID()}})
	}
	if l.Status() == shoppinglist.StatusAssigned {
		tx.Queue(database.Statement{
			SQL:  `INSERT INTO bot_work (bot_id, list_id) VALUES ($1, $2) ON CONFLICT (bot_id) DO NOTHING`,
			Args: []any{l.BotID(), l.ID()}, Rows: 1, Else: errBotBusy.With("bot %s", l.BotID()),
		})
	}
	return nil
}

// listRow is a shopping list as the queries see it.
type listRow struct {
	id, status, botID  string
	items              []shoppinglist.Item
	createdAt, version int64
}

const listColumns = `id, status, bot_id, items, created_at, version`

func scanList(row database.Row) (l listRow, err error) {
	var items string
	if err := row.Scan(&l.id, &l.status, &l.botID, &items, &l.createdAt, &l.version); err != nil {
		return l, err
	}
	return l, json.Unmarshal([]byte(items), &l.items)
}

// list returns one shopping list, or not found.
func (m *module) list(ctx context.Context, q database.Querier, id string) (listRow, error) {
	l, err := database.One(ctx, q, scanList, `SELECT `+listColumns+` FROM shopping_lists WHERE id = $1`, id)
	if errors.Is(err, database.ErrNoRows) {
		return l, m.lists.ErrNotFound().With("%s", id)
	}
	if err != nil {
		return l, fmt.Errorf("read shopping list %s: %w", id, err)
	}
	return l, nil
}

// statusPrefix is what the contract puts before each status of a list.
const statusPrefix = "SHOPPING_LIST_STATUS_"

// listMessages are lists as the API answers them. A store is called what it was
// called at the check-out; where it is, is looked up now.
func listMessages(ctx context.Context, q database.Querier, rows []listRow) ([]*depotv1.ShoppingList, error) {
	locations, err := locationsOf(ctx, q, rows)
	if err != nil {
		return nil, err
	}
	messages := make([]*depotv1.ShoppingList, 0, len(rows))
	for _, l := range rows {
		message := &depotv1.ShoppingList{
			Id: l.id, OrderId: l.id, AssignedBotId: l.botID,
			Status: depotv1.ShoppingListStatus(depotv1.ShoppingListStatus_value[statusPrefix+l.status]),
		}
		for _, s := range shoppinglist.Stops(l.items) {
			stop := &depotv1.Stop{StoreId: s.StoreID, StoreName: s.StoreName, StoreLocation: locations[s.StoreID]}
			for _, item := range s.Items {
				stop.Items = append(stop.Items, &depotv1.StopItem{
					ProductId: item.ProductID, Name: item.ProductName, Quantity: int32(item.Quantity),
				})
			}
			message.Stops = append(message.Stops, stop)
		}
		messages = append(messages, message)
	}
	return messages, nil
}

// locationsOf says where the stores of lists are, in one query. A store that the
// depot has not heard of yet is nowhere.
func locationsOf(ctx context.Context, q database.Querier, rows []listRow) (map[string]string, error) {
	locations := map[string]string{}
	var ids []any
	var places []string
	for _, l := range rows {
		for _, item := range l.items {
			if _, known := locations[item.StoreID]; known {
				continue
			}
			locations[item.StoreID] = ""
			ids = append(ids, item.StoreID)
			places = append(places, fmt.Sprintf("$%d", len(ids)))
		}
	}
	if len(ids) == 0 {
		return locations, nil
	}
	stores, err := database.All(ctx, q, func(row database.Row) (s [2]string, err error) {
		err = row.Scan(&s[0], &s[1])
		return s, err
	}, `SELECT id, location FROM stores WHERE id IN (`+strings.Join(places, ", ")+`)`, ids...)
	if err != nil {
		return nil, fmt.Errorf("read the locations of stores: %w", err)
	}
	for _, s := range stores {
		locations[s[0]] = s[1]
	}
	return locations, nil
}
