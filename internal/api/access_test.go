package api_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"connectrpc.com/connect/v2"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"mallbots/internal/api"
	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
	"mallbots/internal/identity"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

// by makes everybody the same principal.
func by(p identity.Principal) func(context.Context, []string) (identity.Principal, error) {
	return func(context.Context, []string) (identity.Principal, error) { return p, nil }
}

var owner = identity.Principal{Subject: "ada", Roles: []identity.Role{identity.StoreOwner}, Stores: []string{storeID}}

// TestAForgottenOwnerCheckCommitsAndTellsNothing calls methods that do not ask
// whose a thing is.
func TestAForgottenOwnerCheckCommitsAndTellsNothing(t *testing.T) {
	db := databasetest.Open(t, database.SQLite, "stores", nil)
	asked := false
	change := func(ctx context.Context, req proto.Message) error {
		_, err := api.Mutate(ctx, db, req, func(ctx context.Context, tx database.Tx) (*emptypb.Empty, error) {
			if asked {
				require.True(t, identity.OwnsStore(ctx, storeID))
			}
			_, err := tx.Exec(ctx, `INSERT INTO operator_actions (id, at, actor, verb, target, key, reason, outcome) VALUES ('x', 0, '', '', '', '', '', '')`)
			return &emptypb.Empty{}, err
		})
		return err
	}
	ctx := identity.Narrow(identity.With(t.Context(), owner))
	require.ErrorIs(t, change(ctx, &emptypb.Empty{}), identity.ErrUnchecked)
	count := func() int64 {
		n, err := database.One(t.Context(), db, database.Value[int64], `SELECT COUNT(*) FROM operator_actions`)
		require.NoError(t, err)
		return n
	}
	require.Zero(t, count())
	asked = true
	require.NoError(t, change(ctx, &emptypb.Empty{}))
	require.EqualValues(t, 1, count())
}

// TestTheRequestMayNameTheOwner: then the module need not look.
func TestTheRequestMayNameTheOwner(t *testing.T) {
	s := start(t, api.Options{Authenticate: by(owner)}, api.Process{}, &stores{}, nil)
	rename := func(id string) error {
		_, err := s.stores.RebrandStore(t.Context(), &storesv1.RebrandStoreRequest{Id: id, Name: "Teas"})
		return err
	}
	require.NoError(t, rename(storeID))
	other := strings.Replace(storeID, "0192", "0193", 1)
	require.Equal(t, connect.CodeNotFound, connect.CodeOf(rename(other)))
	require.Equal(t, connect.CodeInvalidArgument, connect.CodeOf(rename("x")), "what is no id is told so, whoever asks")
	_, err := s.stores.CreateStore(t.Context(), &storesv1.CreateStoreRequest{Name: "Teas", Location: "Hall"})
	require.Equal(t, connect.CodePermissionDenied, connect.CodeOf(err))
	require.ErrorContains(t, err, "it is for mall_admin, service, and you are store_owner")
}

// TestAVisitorMayLook: whoever says nothing is a visitor.
func TestAVisitorMayLook(t *testing.T) {
	s := start(t, api.Options{Authenticate: by(identity.Nobody())}, api.Process{}, &stores{}, nil)
	_, err := s.stores.GetStores(t.Context(), &storesv1.GetStoresRequest{})
	require.NoError(t, err)
	_, err = s.stores.CreateStore(t.Context(), &storesv1.CreateStoreRequest{Name: "Teas", Location: "Hall"})
	require.Equal(t, connect.CodeUnauthenticated, connect.CodeOf(err))
	require.Contains(t, s.log.String(), `"actor":"visitor"`)
}

// TestWhoWasMadeSureOfIsBelieved: a page of this process may have asked already.
func TestWhoWasMadeSureOfIsBelieved(t *testing.T) {
	rpc := api.NewServer(api.Options{Authenticate: by(identity.Nobody())})
	called := ""
	spec := connect.Spec{Procedure: "/mallbots.stores.v1.StoresService/CreateStore", Schema: storesv1.File_mallbots_stores_v1_api_proto.Services().Get(0).Methods().ByName("CreateStore")}
	rpc.Register(connect.Method{Spec: spec, Handler: func(ctx context.Context, _ connect.Spec, _ connect.ServerStream) error {
		p, _ := identity.From(ctx)
		called = p.Subject
		return nil
	}})
	rpc.Register(connect.Method{Spec: connect.Spec{Procedure: "/x.Y/Z"}, Handler: func(context.Context, connect.Spec, connect.ServerStream) error {
		called = "what nobody may"
		return nil
	}})
	admin := identity.With(t.Context(), identity.Principal{Subject: "ada", Roles: []identity.Role{identity.MallAdmin}})
	require.NoError(t, rpc.Call(admin, spec.Procedure, &connect.CallInfo{Spec: spec}, nil))
	require.Equal(t, "ada", called)
	require.Error(t, rpc.Call(t.Context(), spec.Procedure, &connect.CallInfo{Spec: spec}, nil))
	err := rpc.Call(admin, "/x.Y/Z", &connect.CallInfo{Spec: connect.Spec{Procedure: "/x.Y/Z"}}, nil)
	require.Equal(t, connect.CodePermissionDenied, connect.CodeOf(err), "an RPC without a policy is for nobody")
	require.Equal(t, "ada", called)
}

func TestWhoIsTooFastIsToldWhenToComeAgain(t *testing.T) {
	s := start(t, api.Options{Authenticate: by(owner), Rates: api.Rates{Principal: 1}}, api.Process{}, &stores{}, nil)
	refused := func() bool {
		res, err := http.Get(s.url + "/api/stores")
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		if res.StatusCode != http.StatusTooManyRequests {
			return false
		}
		require.Equal(t, "1", res.Header.Get("Retry-After"))
		return true
	}
	var err error
	for round := 0; round < 1000 && connect.CodeOf(err) != connect.CodeResourceExhausted; round++ { // between two, the second may have passed
		if refused() {
			_, err = s.stores.GetStores(t.Context(), &storesv1.GetStoresRequest{})
		}
	}
	require.Equal(t, connect.CodeResourceExhausted, connect.CodeOf(err))
}
