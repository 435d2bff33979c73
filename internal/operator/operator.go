// Package operator keeps what people did to a module by hand: who, when, what,
// to which message or table, and why. A row is written in the transaction of the
// deed, so that there is neither without the other, and never changed.
package operator

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"mallbots/internal/cause"
	"mallbots/internal/database"
)

// Done is the outcome of a deed that succeeded; that of another is its error.
const Done = "done"

// Action is one deed.
type Action struct {
	ID      string    `json:"id"`
	At      time.Time `json:"at"`
	Actor   string    `json:"actor"`
	Verb    string    `json:"verb"`   // such as retry, edit, discard, rebuild, republish
	Target  string    `json:"target"` // the dead letter's id, or what else was acted on
	Key     string    `json:"key,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Outcome string    `json:"outcome"` // Done, or the error
}

// Record queues the row of a deed in tx. The actor is the context's; id, time
// and actor need not be filled in, and no outcome means Done.
func Record(ctx context.Context, tx database.Tx, a Action) {
	if a.Outcome == "" {
		a.Outcome = Done
	}
	tx.Queue(database.Statement{
		SQL: `INSERT INTO operator_actions (id, at, actor, verb, target, key, reason, outcome) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		Args: []any{
			uuid.Must(uuid.NewV7()).String(), database.Micros(time.Now()), cause.From(ctx).Actor, a.Verb, a.Target, a.Key, a.Reason, a.Outcome,
		},
	})
}

// List returns at most limit deeds, the latest first: those about one key, or
// all when that is empty.
func List(ctx context.Context, q database.Querier, key string, limit int) ([]Action, error) {
	actions, err := database.All(ctx, q, func(row database.Row) (Action, error) {
		var a Action
		var at int64
		err := row.Scan(&a.ID, &at, &a.Actor, &a.Verb, &a.Target, &a.Key, &a.Reason, &a.Outcome)
		a.At = database.Time(at)
		return a, err
	}, `SELECT id, at, actor, verb, target, key, reason, outcome FROM operator_actions
		WHERE $1 = '' OR key = $1 ORDER BY at DESC, id DESC LIMIT $2`, key, int64(limit))
	if err != nil {
		return nil, fmt.Errorf("operator: list actions: %w", err)
	}
	return actions, nil
}
