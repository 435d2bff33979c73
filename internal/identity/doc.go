// Package identity is who asks, what they may, and what is theirs.
//
// Who asks is a Principal. The server's interceptors put it into the context of
// each request (package credential makes sure of it):
//
//	p, ok := identity.From(ctx)
//
// What they may is declared on each RPC in its proto (mallbots.policy.v1) and
// looked up with PolicyOf: some roles may call it about anything, some about
// what is theirs. An RPC without such a declaration is for nobody.
//
// For those who may only touch what is theirs the context is narrowed. Then a
// module must ask whose a thing is before it shows or changes it:
//
//	m.baskets.Guard(func(ctx context.Context, b *basket.Basket) bool {
//		return identity.OwnsCustomer(ctx, b.CustomerID())
//	})
//
// and what is not theirs is not found. A module that forgets to ask is found out:
// Settled fails, before anything is committed or sent. Where the context is not
// narrowed everything is allowed: handlers of events and timers need not care.
package identity
