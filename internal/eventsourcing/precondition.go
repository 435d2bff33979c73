package eventsourcing

import (
	"context"

	"mallbots/internal/fault"
)

// ErrStale refuses a change to a version that is no longer the current one.
var ErrStale = fault.New(fault.Precondition, "VERSION_STALE", "it has changed since; read it again")

// ErrConflict is a lost race: another transaction changed the aggregate first.
// Deciding again on the new state usually succeeds.
var ErrConflict = fault.New(fault.Conflict, "CONCURRENT_CHANGE", "it was changed at the same time; try again")

// precondition binds to the first aggregate that is updated under its id, so
// that a second one of the same id (an order and its fulfilment) is left alone.
type precondition struct {
	id        string
	version   int64
	aggregate string
}

type preconditionKey struct{}

// WithPrecondition makes the first update of the aggregate id refuse with
// ErrStale unless version is the current one. It is what If-Match becomes.
func WithPrecondition(ctx context.Context, id string, version int64) context.Context {
	return context.WithValue(ctx, preconditionKey{}, &precondition{id: id, version: version})
}

// CheckPrecondition returns ErrStale when the context wants another version of
// the aggregate id. A repository asks by itself; only what is not stored as
// events has to.
func CheckPrecondition(ctx context.Context, aggregate, id string, version int64) error {
	p, ok := ctx.Value(preconditionKey{}).(*precondition)
	if !ok || p.id != id {
		return nil
	}
	if p.aggregate == "" {
		p.aggregate = aggregate
	}
	if p.aggregate == aggregate && p.version != version {
		return ErrStale.With("If-Match says version %d, it is at %d", p.version, version)
	}
	return nil
}
