package identity

import (
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	policyv1 "mallbots/proto/mallbots/policy/v1"
)

// Policy says who may call an RPC.
type Policy struct {
	Any []Role // about anything
	Own []Role // about what is theirs

	owner protoreflect.FieldDescriptor // the request's field with the owner's id; nil where the module looks
}

// Grant is how far somebody may go with an RPC.
type Grant int

// The grants.
const (
	None Grant = iota // not at all
	Own               // with what is theirs
	Any               // with anything
)

// PolicyOf is what the proto of method declares. It reports false when that is
// nothing, or makes no sense.
func PolicyOf(method protoreflect.MethodDescriptor) (Policy, bool) {
	access, ok := proto.GetExtension(method.Options(), policyv1.E_Access).(*policyv1.Access)
	if !ok || access == nil || len(access.GetAny())+len(access.GetOwn()) == 0 {
		return Policy{}, false
	}
	p := Policy{Any: named(access.GetAny()), Own: named(access.GetOwn())}
	if access.GetOwner() == "" {
		return p, !slices.Contains(append(p.Any, p.Own...), "")
	}
	p.owner = method.Input().Fields().ByTextName(access.GetOwner())
	ok = p.owner != nil && p.owner.Kind() == protoreflect.StringKind && !p.owner.IsList()
	return p, ok && !slices.Contains(append(p.Any, p.Own...), "")
}

// named are the names of roles; one that has none is empty.
func named(roles []policyv1.Role) []Role {
	names := make([]Role, 0, len(roles))
	for _, r := range roles {
		names = append(names, roleOf[r])
	}
	return names
}

// Grant is how far somebody may go.
func (p Policy) Grant(who Principal) Grant {
	switch {
	case slices.ContainsFunc(p.Any, who.Has):
		return Any
	case slices.ContainsFunc(p.Own, who.Has):
		return Own
	}
	return None
}

// OwnerField is the name of the request's field with the owner's id, empty
// where the module looks whose a thing is.
func (p Policy) OwnerField() string {
	if p.owner == nil {
		return ""
	}
	return string(p.owner.Name())
}

// Names reports whether the request itself names somebody as the owner, and
// whether that is who asks: then nobody else needs to look.
func (p Policy) Names(who Principal, request proto.Message) (named, theirs bool) {
	if p.owner == nil {
		return false, false
	}
	id := request.ProtoReflect().Get(p.owner).String()
	for _, role := range p.Own {
		if role == Customer && who.ownsCustomer(id) || role == StoreOwner && who.ownsStore(id) {
			return true, true
		}
	}
	return true, false
}
