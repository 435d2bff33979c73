package api

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"mallbots/internal/cause"
	"mallbots/internal/fault"
	"mallbots/internal/identity"
)

// What somebody is told who may not.
var (
	ErrUnauthenticated = fault.New(fault.Unauthenticated, "TOKEN_MISSING", "say who you are, with the header Authorization: Bearer and an API key or a token")
	ErrForbidden       = fault.New(fault.Forbidden, "ROLE_MISSING", "your roles do not allow this")
	ErrNoPolicy        = fault.New(fault.Forbidden, "POLICY_MISSING", "it is declared for nobody")
)

// headerAuthorization is where a caller says who they are.
const headerAuthorization = "Authorization"

// authenticate finds out who asks, whether they ask too often, and has them
// recorded as the actor. Who comes
// with a context that knows already is believed: that is this process itself.
func authenticate(check func(ctx context.Context, authorization []string) (identity.Principal, error), limits *rates) connect.ServerInterceptor {
	return func(next connect.ServerFunc) connect.ServerFunc {
		return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
			p, known := identity.From(ctx)
			if !known {
				p = identity.Anonymous()
				var refused error
				if check != nil {
					var authorization []string
					if info, ok := connect.CallInfoForServerContext(ctx); ok {
						authorization = info.RequestHeader().Values(headerAuthorization)
					}
					p, refused = check(ctx, authorization)
				}
				if wait := limits.allow(originOf(ctx), p, refused); wait > 0 {
					return tooFast(ctx, wait)
				}
				if refused != nil {
					return refused
				}
				ctx = identity.With(ctx, p)
			}
			noteCaller(ctx, p)
			c := cause.From(ctx)
			c.Actor = p.Subject
			return next(cause.With(ctx, c), spec, stream)
		}
	}
}

// authorize lets a request through as far as the policy of its RPC goes. What
// declares no policy is for nobody.
func authorize() connect.ServerInterceptor {
	var policies sync.Map // by procedure
	return func(next connect.ServerFunc) connect.ServerFunc {
		return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
			found, ok := policies.Load(spec.Procedure)
			if !ok {
				found, _ = policies.LoadOrStore(spec.Procedure, policyOf(spec))
			}
			policy, ok := found.(identity.Policy)
			if !ok {
				return ErrNoPolicy.With("%s", spec.Procedure)
			}
			who, _ := identity.From(ctx)
			switch policy.Grant(who) {
			case identity.Any:
				return next(ctx, spec, stream)
			case identity.Own:
				ctx = identity.Narrow(ctx)
				return next(ctx, spec, &ownStream{ServerStream: stream, ctx: ctx, policy: policy, who: who})
			case identity.None:
			}
			if !who.Known() {
				return ErrUnauthenticated
			}
			return ErrForbidden.With("it is for %s, and you are %s", list(slices.Concat(policy.Any, policy.Own)), list(who.Roles))
		}
	}
}

// policyOf is the policy of an RPC, or nil.
func policyOf(spec connect.Spec) any {
	method, ok := spec.Schema.(protoreflect.MethodDescriptor)
	if !ok {
		return nil
	}
	policy, ok := identity.PolicyOf(method)
	if !ok {
		return nil
	}
	return policy
}

func list(roles []identity.Role) string {
	if len(roles) == 0 {
		return "nothing"
	}
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	return strings.Join(names, ", ")
}

// ownStream is the stream of a request that may only touch what is its
// principal's.
type ownStream struct {
	connect.ServerStream
	ctx    context.Context //nolint:containedctx // of the one request
	policy identity.Policy
	who    identity.Principal
}

// Receive finds out whose the request is about, where it says so itself.
func (s *ownStream) Receive(message any) error {
	if err := s.ServerStream.Receive(message); err != nil {
		return err
	}
	request, ok := message.(proto.Message)
	if !ok {
		return nil
	}
	named, theirs := s.policy.Names(s.who, request)
	switch {
	case !named:
		return nil
	case theirs:
		identity.Assure(s.ctx)
		return nil
	}
	return s.notFound(request)
}

// notFound is what the module would answer if there were no such customer or
// store: nobody learns that there is one.
func (s *ownStream) notFound(request proto.Message) error {
	kind := "customer"
	if slices.Contains(s.policy.Own, identity.StoreOwner) {
		kind = "store"
	}
	field := request.ProtoReflect().Descriptor().Fields().ByTextName(s.policy.OwnerField())
	return fault.New(fault.NotFound, strings.ToUpper(kind)+"_NOT_FOUND",
		fmt.Sprintf("there is no such %s: %s", kind, request.ProtoReflect().Get(field).String()))
}

// Send lets nothing out of which nobody asked whose it is.
func (s *ownStream) Send(message any) error {
	if err := identity.Settled(s.ctx); err != nil {
		return err
	}
	return s.ServerStream.Send(message)
}
