package personal_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
	"mallbots/internal/personal"
)

var keys personal.Keys

func seal(t *testing.T, db database.DB, person, plain string) string {
	t.Helper()
	var sealed string
	require.NoError(t, db.InTx(t.Context(), func(tx database.Tx) error {
		var err error
		sealed, err = keys.Seal(t.Context(), tx, person, plain)
		return err
	}))
	return sealed
}

func erase(t *testing.T, db database.DB, person string) {
	t.Helper()
	require.NoError(t, db.InTx(t.Context(), func(tx database.Tx) error { return keys.Erase(t.Context(), tx, person) }))
}

func TestAFieldOpensForItsPersonOnly(t *testing.T) {
	databasetest.Each(t, nil, func(t *testing.T, db database.DB) {
		sealed := seal(t, db, "ada", "Ada Lovelace")
		require.NotContains(t, sealed, "Ada")
		opened, err := keys.Open(t.Context(), db, "ada", sealed)
		require.NoError(t, err)
		require.Equal(t, "Ada Lovelace", opened)

		seal(t, db, "eve", "Eve")
		_, err = keys.Open(t.Context(), db, "eve", sealed)
		require.ErrorContains(t, err, "somebody else")
	})
}

func TestTheSameTextSealsToTheSameBytes(t *testing.T) {
	databasetest.Each(t, nil, func(t *testing.T, db database.DB) {
		require.Equal(t, seal(t, db, "ada", "Ada"), seal(t, db, "ada", "Ada"), "so that a rebuild changes nothing")
		require.NotEqual(t, seal(t, db, "ada", "Ada"), seal(t, db, "ada", "Ida"))
		require.NotEqual(t, seal(t, db, "ada", "Ada"), seal(t, db, "eve", "Ada"))
		require.Empty(t, seal(t, db, "ada", ""))
	})
}

func TestAnErasedPersonReadsAsEmptyForEver(t *testing.T) {
	databasetest.Each(t, nil, func(t *testing.T, db database.DB) {
		sealed := seal(t, db, "ada", "Ada")
		gone, err := keys.Erased(t.Context(), db, "ada")
		require.NoError(t, err)
		require.False(t, gone)

		erase(t, db, "ada")
		erase(t, db, "ada")
		opened, err := keys.Open(t.Context(), db, "ada", sealed)
		require.NoError(t, err, "what is erased still folds")
		require.Empty(t, opened)
		require.Empty(t, seal(t, db, "ada", "Ada again"), "nothing is kept, and no new key is made")
		gone, err = keys.Erased(t.Context(), db, "ada")
		require.NoError(t, err)
		require.True(t, gone)

		opened, err = keys.Open(t.Context(), db, "nobody", sealed)
		require.NoError(t, err)
		require.Empty(t, opened)
	})
}

func TestAKeyIsMadeOnceAndGoesWithItsTransaction(t *testing.T) {
	databasetest.Each(t, nil, func(t *testing.T, db database.DB) {
		regret := errors.New("regret")
		require.ErrorIs(t, db.InTx(t.Context(), func(tx database.Tx) error {
			if _, err := keys.Seal(t.Context(), tx, "ada", "Ada"); err != nil {
				return err
			}
			return regret
		}), regret)
		gone, err := keys.Erased(t.Context(), db, "ada")
		require.NoError(t, err)
		require.True(t, gone, "no key without its event")

		var all sync.WaitGroup
		sealed := make([]string, 8)
		for i := range sealed {
			all.Go(func() { sealed[i] = seal(t, db, "eve", "Eve") })
		}
		all.Wait()
		for _, s := range sealed {
			require.Equal(t, sealed[0], s, "all with the same key")
		}
	})
}

func TestWhatWasTamperedWithIsAnError(t *testing.T) {
	db := databasetest.Open(t, database.SQLite, "test", nil)
	sealed := seal(t, db, "ada", "Ada")
	flipped := []byte(sealed)
	flipped[len(flipped)-1] ^= 1
	for name, text := range map[string]string{
		"not sealed": "Ada", "not base64": "p1:!", "cut short": "p1:QQ", "cut off": sealed[:len(sealed)-4],
		"changed": string(flipped), "another scheme": strings.Replace(sealed, "p1:", "p2:", 1),
	} {
		_, err := keys.Open(t.Context(), db, "ada", text)
		require.Error(t, err, name)
	}
	_, err := personal.Unseal([]byte("short"), "ada", sealed)
	require.ErrorContains(t, err, "damaged")
}
