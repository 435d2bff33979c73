package identity_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"mallbots/internal/identity"
)

func TestNobodyOwnsWhatIsNoOnes(t *testing.T) {
	nobody := identity.Principal{Subject: "x", Roles: []identity.Role{identity.Customer, identity.StoreOwner}}
	ctx := identity.Narrow(identity.With(t.Context(), nobody))
	require.False(t, identity.OwnsCustomer(ctx, ""))
	require.False(t, identity.OwnsStore(ctx, ""))
}

func TestOnlyTheRoleMakesAnOwner(t *testing.T) {
	claims := identity.Principal{Subject: "x", Roles: []identity.Role{identity.DepotStaff}, Customer: "c", Stores: []string{"s"}}
	ctx := identity.Narrow(identity.With(t.Context(), claims))
	require.False(t, identity.OwnsCustomer(ctx, "c"))
	require.False(t, identity.OwnsStore(ctx, "s"))
	only, limited := identity.OnlyCustomer(ctx)
	require.True(t, limited)
	require.Empty(t, only)
}

func TestWhereNobodyIsLimitedEverythingIsAllowed(t *testing.T) {
	for name, ctx := range map[string]context.Context{
		"an event": t.Context(),
		"an admin": identity.With(t.Context(), identity.Principal{Subject: "x", Roles: []identity.Role{identity.MallAdmin}}),
		"who owns": identity.Narrow(identity.With(t.Context(), identity.Principal{Subject: "x", Roles: []identity.Role{identity.Customer, identity.StoreOwner}, Customer: "c", Stores: []string{"s"}})),
	} {
		require.True(t, identity.OwnsCustomer(ctx, "c"), name)
		require.True(t, identity.OwnsStore(ctx, "s"), name)
		require.NoError(t, identity.Settled(ctx), name)
	}
}

func TestWhoIsLimitedMustBeAskedFor(t *testing.T) {
	ctx := identity.Narrow(identity.With(t.Context(), identity.Nobody()))
	require.ErrorIs(t, identity.Settled(ctx), identity.ErrUnchecked)
	identity.OwnsCustomer(ctx, "c")
	require.NoError(t, identity.Settled(ctx))
}

func TestAMethodWithoutAPolicyHasNone(t *testing.T) {
	method := descriptorpb.File_google_protobuf_descriptor_proto // any file will do: it has no services
	require.Zero(t, method.Services().Len())
	_, ok := identity.PolicyOf(bare{})
	require.False(t, ok)
}

// bare is a method without options.
type bare struct{ protoreflect.MethodDescriptor }

func (bare) Options() protoreflect.ProtoMessage { return &descriptorpb.MethodOptions{} }
