package identity

import (
	"context"
	"slices"
	"sync/atomic"

	"mallbots/internal/fault"
)

// ErrUnchecked ends a request whose module did not ask whose a thing is. It is
// a mistake in the module, so the caller is told nothing.
var ErrUnchecked = fault.New(fault.Internal, "OWNER_UNCHECKED", "nobody asked whose this is")

// narrowed is a request that may only touch what is its principal's.
type narrowed struct{ asked atomic.Bool }

type narrowedKey struct{}

// Narrow limits a request to what belongs to the principal of ctx.
func Narrow(ctx context.Context) context.Context {
	return context.WithValue(ctx, narrowedKey{}, &narrowed{})
}

// ask returns the request's principal when it is limited to what is theirs,
// and notes that it was asked for.
func ask(ctx context.Context) (p Principal, limited bool) {
	n, limited := ctx.Value(narrowedKey{}).(*narrowed)
	if limited {
		n.asked.Store(true)
		p, _ = From(ctx)
	}
	return p, limited
}

// Settled returns ErrUnchecked when the request is limited to what is its
// principal's and nobody has asked whose the thing is.
func Settled(ctx context.Context) error {
	if n, limited := ctx.Value(narrowedKey{}).(*narrowed); limited && !n.asked.Load() {
		return ErrUnchecked
	}
	return nil
}

// Assure notes that what the request is about was found to be its principal's
// in another way, such as by an answer that was theirs before.
func Assure(ctx context.Context) { ask(ctx) }

// OwnsCustomer reports whether the request may touch what belongs to a customer.
func OwnsCustomer(ctx context.Context, customer string) bool {
	p, limited := ask(ctx)
	return !limited || p.ownsCustomer(customer)
}

// OwnsStore reports whether the request may touch what belongs to a store.
func OwnsStore(ctx context.Context, store string) bool {
	p, limited := ask(ctx)
	return !limited || p.ownsStore(store)
}

// OnlyCustomer returns the one customer whose things a list may show, and
// whether there is such a limit. No customer has the empty id.
func OnlyCustomer(ctx context.Context) (customer string, limited bool) {
	p, limited := ask(ctx)
	if !p.Has(Customer) {
		return "", limited
	}
	return p.Customer, limited
}

func (p Principal) ownsCustomer(id string) bool {
	return p.Has(Customer) && p.Customer != "" && p.Customer == id
}

func (p Principal) ownsStore(id string) bool {
	return p.Has(StoreOwner) && id != "" && slices.Contains(p.Stores, id)
}
