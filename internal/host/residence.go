package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mallbots/internal/database"
)

// State is where a module lives, as its database says.
type State string

// The states. The process whose database says home runs the module; that of
// which it says anything else never does. A move changes them in this order, so
// that at no moment two say home:
//
//	here      arriving      copies while the other one works
//	the other holds its requests and stops, for a short while
//	here      ready         has all, and knows it
//	the other away          the decision; without it the other one goes on
//	here      home          after it was told so
const (
	Home     State = "home"
	Arriving State = "arriving"
	Ready    State = "ready"
	Away     State = "away"
)

// residence is the row of it. The zero value is that of a module which never
// moved.
type residence struct {
	State State
	Move  string // the id of the move
	Ops   string // the ops listener of the other process
	API   string // the API of the other process, when the module is there
	Since time.Time
}

// home says whether the module may work on this database.
func (r residence) home() bool { return r.State == "" || r.State == Home }

func readResidence(ctx context.Context, q database.Querier) (residence, error) {
	r, err := database.One(ctx, q, func(row database.Row) (residence, error) {
		var r residence
		var since int64
		err := row.Scan(&r.State, &r.Move, &r.Ops, &r.API, &since)
		r.Since = database.Time(since)
		return r, err
	}, `SELECT state, move, ops, api, since FROM residence`)
	if errors.Is(err, database.ErrNoRows) {
		return residence{}, nil
	}
	if err != nil {
		return residence{}, fmt.Errorf("read where the module lives: %w", err)
	}
	return r, nil
}

func writeResidence(ctx context.Context, tx database.Tx, r residence) error {
	_, err := tx.Exec(ctx, `INSERT INTO residence (one, state, move, ops, api, since) VALUES (1, $1, $2, $3, $4, $5)
		ON CONFLICT (one) DO UPDATE SET state = excluded.state, move = excluded.move, ops = excluded.ops,
		api = excluded.api, since = excluded.since`, string(r.State), r.Move, r.Ops, r.API, database.Micros(time.Now()))
	if err != nil {
		return fmt.Errorf("write where the module lives: %w", err)
	}
	return nil
}
