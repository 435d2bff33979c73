package identity

import (
	"context"
	"slices"

	policyv1 "mallbots/proto/mallbots/policy/v1"
)

// Role is what somebody is to the mall, by its name in tokens and keys.
type Role string

// The roles. Everybody is a visitor too.
const (
	Visitor    Role = "visitor"
	Customer   Role = "customer"
	StoreOwner Role = "store_owner"
	DepotStaff Role = "depot_staff"
	MallAdmin  Role = "mall_admin"
	Service    Role = "service"
)

// Roles are those that can be given to somebody.
var Roles = []Role{Customer, StoreOwner, DepotStaff, MallAdmin, Service}

// roleOf is what a role of the protos is called here.
var roleOf = map[policyv1.Role]Role{
	policyv1.Role_ROLE_VISITOR: Visitor, policyv1.Role_ROLE_CUSTOMER: Customer, policyv1.Role_ROLE_STORE_OWNER: StoreOwner,
	policyv1.Role_ROLE_DEPOT_STAFF: DepotStaff, policyv1.Role_ROLE_MALL_ADMIN: MallAdmin, policyv1.Role_ROLE_SERVICE: Service,
}

// Principal is somebody who asks, and what is known of them.
type Principal struct {
	Subject  string   // who it is, for as long as they exist: the actor of what they do
	Roles    []Role   // what they are; none for a visitor
	Customer string   // the id of the customer that they are; empty for none
	Stores   []string // the ids of the stores that are theirs
}

// Nobody is who does not say who they are.
func Nobody() Principal { return Principal{Subject: "visitor"} }

// Anonymous is everybody where nobody is asked who they are: they may do
// whatever can be done through the API.
func Anonymous() Principal { return Principal{Subject: "anonymous", Roles: []Role{Service, MallAdmin}} }

// Internal is a part of this process that uses the API, such as its bots.
func Internal(name string) Principal {
	return Principal{Subject: "internal:" + name, Roles: []Role{Service}}
}

// Has reports whether p has a role.
func (p Principal) Has(role Role) bool { return role == Visitor || slices.Contains(p.Roles, role) }

// Known reports whether p has said who they are.
func (p Principal) Known() bool { return p.Subject != "" && p.Subject != Nobody().Subject }

// Reserved are the subjects that nobody from outside may have.
func Reserved() []string { return []string{Nobody().Subject, Anonymous().Subject} }

type principalKey struct{}

// With returns a context in which From returns p. Only what has made sure of
// who asks may call it.
func With(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// From returns who asks, and whether that is known: it is not where nobody
// asked from outside, as in what handles an event or fires a timer.
func From(ctx context.Context) (Principal, bool) {
	p, ok := ctx.Value(principalKey{}).(Principal)
	return p, ok
}
