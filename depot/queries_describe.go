package depot

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mallbots/depot/internal/shoppinglist"
	"mallbots/internal/database"
	"mallbots/internal/host"
)

// describe says to an operator what this module knows by an id: a shopping
// list, what it answered to an order, or the stock of a product.
func (m *module) describe(ctx context.Context, q database.Querier, id string) ([]host.Subject, error) {
	l, err := m.list(ctx, q, id)
	if err == nil {
		return []host.Subject{listSubject(l)}, nil
	}
	if !errors.Is(err, m.lists.ErrNotFound()) {
		return nil, err
	}
	found, err := database.All(ctx, q, func(row database.Row) (host.Subject, error) {
		s := host.Subject{Kind: "reservation", ID: id}
		err := row.Scan(&s.State)
		return s, err
	}, `SELECT state FROM reservations WHERE order_id = $1`, id)
	if err != nil || len(found) > 0 {
		return found, err
	}
	level, version, err := levelOf(ctx, q, id)
	if err != nil || version == 0 {
		return nil, err
	}
	return []host.Subject{{
		Kind: "stock", ID: id,
		State: fmt.Sprintf("%d on hand, %d reserved, %d picked", level.OnHand, level.Reserved, level.Picked),
	}}, nil
}

// listSubject is a shopping list, with what it waits for.
func listSubject(l listRow) host.Subject {
	s := host.Subject{Kind: "shopping list", ID: l.id, State: l.status, Since: database.Time(l.createdAt)}
	switch shoppinglist.Status(l.status) {
	case shoppinglist.StatusAvailable:
		s.WaitsFor = "a bot to be assigned"
		s.Command = "PUT /api/depot/shopping/" + l.id + "/assign"
	case shoppinglist.StatusAssigned:
		s.WaitsFor = "bot " + l.botID + " to pick it"
		s.Command = "PUT /api/depot/shopping/" + l.id + "/assign gives it to another bot"
	case shoppinglist.StatusNone, shoppinglist.StatusCompleted, shoppinglist.StatusCanceled:
	}
	return s
}

// unfinished lists the shopping lists that nobody has picked since a moment.
func unfinished(ctx context.Context, q database.Querier, before time.Time, limit int) ([]host.Subject, error) {
	var all []host.Subject
	for _, status := range []shoppinglist.Status{shoppinglist.StatusAvailable, shoppinglist.StatusAssigned} {
		rows, err := database.All(ctx, q, scanList, `SELECT `+listColumns+` FROM shopping_lists
			WHERE status = $1 AND created_at < $2 ORDER BY created_at, id LIMIT $3`, string(status), database.Micros(before), int64(limit))
		if err != nil {
			return nil, fmt.Errorf("list unfinished shopping lists: %w", err)
		}
		for _, l := range rows {
			all = append(all, listSubject(l))
		}
	}
	return all, nil
}
