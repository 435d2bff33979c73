package credential

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/cause"
	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
	"mallbots/internal/identity"
	"mallbots/internal/operator"
)

const shop = "01920000-0000-7000-8000-000000000001"

// service is a key of a holder, still to be added.
func service(holder string) (string, Key) {
	text, k := NewKey()
	k.Holder, k.Roles, k.Expires = holder, []identity.Role{identity.Service}, time.Now().Add(time.Hour)
	return text.Reveal(), k
}

func TestAKeyIsKeptUntilItIsRevoked(t *testing.T) {
	databasetest.Each(t, Migrations(), func(t *testing.T, db database.DB) {
		ctx := cause.With(t.Context(), cause.Cause{Actor: "operator ada"})
		keys, err := OpenKeys(ctx, db, quiet)
		require.NoError(t, err)
		a := &Authenticator{Keys: keys}
		ask := func(text string) error {
			_, err := a.Authenticate(ctx, []string{"Bearer " + text})
			return err
		}
		first, k1 := service("shop")
		require.ErrorIs(t, ask(first), ErrKeyUnknown, "before it is added")
		require.NoError(t, keys.Add(ctx, k1))
		require.NoError(t, keys.Add(ctx, k1), "again, to no effect")
		require.NoError(t, ask(first))
		require.ErrorIs(t, ask(first+"x"), ErrKeyUnknown)
		require.ErrorIs(t, ask(first[:len(first)-1]), ErrKeyUnknown)

		second, k2 := service("shop")
		require.NoError(t, keys.Add(ctx, k2), "two live at a time, to replace one")
		_, k3 := service("shop")
		require.ErrorIs(t, keys.Add(ctx, k3), ErrTwoLive)
		require.NoError(t, ask(first))
		require.NoError(t, ask(second))

		require.NoError(t, keys.Revoke(ctx, k1.ID, "replaced"))
		require.NoError(t, keys.Revoke(ctx, k1.ID, "again, to no effect"))
		require.ErrorIs(t, ask(first), ErrKeyRevoked)
		require.NoError(t, ask(second))
		require.ErrorIs(t, keys.Revoke(ctx, "000000000000", "unknown"), ErrNoKey)
		k3.Roles = []identity.Role{identity.MallAdmin}
		require.ErrorIs(t, keys.Add(ctx, k3), ErrOtherScope, "a holder is one principal")
		k3.Roles = k2.Roles
		require.NoError(t, keys.Add(ctx, k3))

		all, err := keys.List(ctx)
		require.NoError(t, err)
		require.Len(t, all, 3)
		for _, k := range all {
			require.Equal(t, "operator ada", k.By)
			require.NotContains(t, first+second, k.Hash, "what is kept is no key")
		}
		deeds, err := operator.List(ctx, db, "shop", 10)
		require.NoError(t, err)
		require.Len(t, deeds, 4)
		require.Equal(t, []string{"keys create", "keys revoke"}, []string{deeds[0].Verb, deeds[1].Verb})
		require.Equal(t, "replaced", deeds[1].Reason)
	})
}

func TestAnotherProcessHearsOfIt(t *testing.T) {
	databasetest.Each(t, Migrations(), func(t *testing.T, db database.DB) {
		here, err := OpenKeys(t.Context(), db, quiet)
		require.NoError(t, err)
		there, err := OpenKeys(t.Context(), db, quiet)
		require.NoError(t, err)
		go func() { _ = there.Run(t.Context()) }() // ends with the test
		_, k := service("shop")
		require.NoError(t, here.Add(t.Context(), k))
		require.Eventually(t, func() bool { _, ok := there.find(k.ID); return ok }, 30*time.Second, 5*time.Millisecond)
		require.NoError(t, here.Revoke(t.Context(), k.ID, "lost"))
		require.Eventually(t, func() bool { found, _ := there.find(k.ID); return !found.Revoked.IsZero() }, 30*time.Second, 5*time.Millisecond)
	})
}

func TestWhatIsNoSoundKeyIsNotKept(t *testing.T) {
	now := time.Now()
	for name, spoil := range map[string]func(k *Key){
		"no holder":               func(k *Key) { k.Holder = "" },
		"a holder of lines":       func(k *Key) { k.Holder = "a\nb" },
		"a holder in capitals":    func(k *Key) { k.Holder = "Shop" },
		"no role":                 func(k *Key) { k.Roles = nil },
		"an unknown role":         func(k *Key) { k.Roles = []identity.Role{"emperor"} },
		"the role of everybody":   func(k *Key) { k.Roles = []identity.Role{identity.Visitor} },
		"no end":                  func(k *Key) { k.Expires = time.Time{} },
		"an end in the past":      func(k *Key) { k.Expires = now.Add(-time.Second) },
		"an end too far":          func(k *Key) { k.Expires = now.Add(longestLife + time.Hour) },
		"a customer who is none":  func(k *Key) { k.Customer = shop },
		"a customer without id":   func(k *Key) { k.Roles = []identity.Role{identity.Customer} },
		"a customer of no id":     func(k *Key) { k.Roles, k.Customer = []identity.Role{identity.Customer}, "ada" },
		"stores of nobody":        func(k *Key) { k.Stores = []string{shop} },
		"an owner without stores": func(k *Key) { k.Roles = []identity.Role{identity.StoreOwner} },
		"an id of somebody else":  func(k *Key) { k.ID = "x" },
		"a hash that is none":     func(k *Key) { k.Hash = "hunter2" },
	} {
		_, k := service("shop")
		require.NoError(t, k.check(now))
		spoil(&k)
		require.ErrorIs(t, k.check(now), ErrKeyMalformed, name)
	}
}

func TestKeysAreNotGuessed(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		text, k := NewKey()
		require.Regexp(t, `^mbk_[0-9a-f]{12}_[A-Za-z0-9_-]{43}$`, text.Reveal())
		require.False(t, seen[k.ID])
		seen[k.ID] = true
		require.NotContains(t, text.String(), k.ID)
	}
}

func TestAnExpiredKeyIsRefused(t *testing.T) {
	text, k := service("shop")
	k.Expires = time.Now().Add(-time.Millisecond)
	a := &Authenticator{Keys: &Keys{byID: map[string]Key{k.ID: k}}}
	_, err := a.Authenticate(t.Context(), []string{"Bearer " + text})
	require.ErrorIs(t, err, ErrKeyExpired)
}
