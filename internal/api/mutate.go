package api

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"google.golang.org/protobuf/proto"

	"mallbots/internal/database"
	"mallbots/internal/eventsourcing"
	"mallbots/internal/failpoint"
	"mallbots/internal/identity"
	"mallbots/internal/outbox"
	"mallbots/internal/sabotage"
)

// raceRetries is how often a lost race is run again, raceDelay how long the
// first of them waits. The delay doubles, and half of it is chance.
const (
	raceRetries = 5
	raceDelay   = 2 * time.Millisecond
)

// Mutate runs do in one write transaction on db and returns its response. When
// do lost a race for an aggregate it runs again, on fresh state, a few times.
// Nothing else is repeated.
//
// When the request carries an Idempotency-Key, the response is stored in the
// same transaction, and the same request with the same key is answered from
// there: one effect, however often it is sent. So a method calls Mutate once.
//
// A module that can take no change at the moment, as Options.Admit tells, is
// left alone: do does not run.
//
// Errors: eventsourcing.ErrConflict when it lost too often, ErrKeyReused, ErrKeyInFlight, and what do
// returns.
func Mutate[Res proto.Message](ctx context.Context, db database.DB, req proto.Message, do func(ctx context.Context, tx database.Tx) (Res, error)) (Res, error) {
	r := requestFrom(ctx)
	if r.admit != nil {
		if err := r.admit(db.Module()); err != nil {
			var none Res
			return none, err
		}
	}
	if r.key != "" && !sabotage.On(sabotage.ForgetKeys) {
		return once(ctx, db, req, do)
	}
	return race(ctx, func() (Res, error) {
		return attempt(ctx, db, do, nil)
	})
}

// race runs try until it is not a lost race, or too often one.
func race[Res any](ctx context.Context, try func() (Res, error)) (Res, error) {
	delay := raceDelay
	for retry := 0; ; retry++ {
		res, err := try()
		if !errors.Is(err, eventsourcing.ErrConflict) {
			return res, err
		}
		if retry == raceRetries {
			return res, err
		}
		select {
		case <-time.After(delay/2 + rand.N(delay)):
		case <-ctx.Done():
			return res, ctx.Err()
		}
		delay *= 2
	}
}

// attempt is one transaction. Store, when given, is its last step: it gets the
// response that is about to be sent.
func attempt[Res proto.Message](ctx context.Context, db database.DB, do func(context.Context, database.Tx) (Res, error), store func(ctx context.Context, tx database.Tx, res Res, position string) error) (Res, error) {
	setHeader(ctx, headerETag, "")
	ctx, published := outbox.Track(ctx)
	var res Res
	err := db.InTx(ctx, func(tx database.Tx) error {
		failpoint.Here("command.begun")
		var err error
		if res, err = do(ctx, tx); err != nil {
			return err
		}
		if err := identity.Settled(ctx); err != nil {
			return err
		}
		failpoint.Here("command.decided")
		if store == nil {
			return nil
		}
		var position string
		if published.Any() {
			if err := tx.Flush(ctx); err != nil { // so that it is known
				return err
			}
			position = published.Queued()
		}
		return store(ctx, tx, res, position)
	})
	if err != nil {
		var none Res
		return none, err
	}
	failpoint.Here("command.committed")
	if position, ok := published.Last(); ok {
		setHeader(ctx, headerPosition, position)
	}
	return res, nil
}
