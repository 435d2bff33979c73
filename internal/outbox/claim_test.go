package outbox

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/broker/brokertest"
	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
)

// TestAStreamHasOneDatabase starts a module a second time, with another
// database, while it runs.
func TestAStreamHasOneDatabase(t *testing.T) {
	each(t, func(t *testing.T, db database.DB) {
		b := brokertest.Embedded(t)
		first := newRelay(db, b)
		stop := start(t, first)
		put(t, db, "s1", 1, 3)
		empty(t, first)

		second := databasetest.Open(t, database.SQLite, "stores", nil)
		stranger := newRelay(second, b)
		err := stranger.Claim(t.Context())
		require.ErrorIs(t, err, ErrForeign)
		for _, named := range []string{"stores", "MALLBOTS_STORES", database.Where(db), database.Where(second), "--take-over=stores"} {
			require.ErrorContains(t, err, named)
		}
		put(t, second, "s2", 1, 1)
		require.ErrorIs(t, stranger.Run(t.Context()), ErrForeign, "nor does it publish")
		last, err := first.stream.Last(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 3, last)
		require.NoError(t, newRelay(db, b).Claim(t.Context()), "the same database is welcome, in whatever process")

		// When told to, it takes over, and whoever is there gives way.
		gone := make(chan error, 1)
		stop()
		go func() { gone <- first.Run(t.Context()) }()
		require.Eventually(t, func() bool { return first.Health() == nil }, long, time.Millisecond)
		stranger.TakeOver()
		start(t, stranger)
		empty(t, stranger)
		select {
		case err := <-gone:
			require.ErrorIs(t, err, ErrForeign)
		case <-time.After(long):
			require.Fail(t, "two databases publish to one stream")
		}
	})
}

// A database keeps its identity in every copy, and one that was restored to
// before it had any is known by what it has published.
func TestARestoredDatabaseOwnsItsStream(t *testing.T) {
	each(t, func(t *testing.T, db database.DB) {
		b := brokertest.Embedded(t)
		r := newRelay(db, b)
		stop := start(t, r)
		put(t, db, "s1", 1, 3)
		empty(t, r)
		stop()
		owner := r.stream.(owned).Owner()
		require.Equal(t, database.Where(db), owner.Where)
		require.NoError(t, db.InTx(t.Context(), func(tx database.Tx) error {
			_, err := tx.Exec(t.Context(), `DELETE FROM producer_epochs`)
			return err
		}))
		again := newRelay(db, b)
		require.NoError(t, again.Claim(t.Context()))
		require.Equal(t, owner, again.stream.(owned).Owner())
		id, err := database.One(t.Context(), db, database.Value[string], `SELECT stream_epoch FROM producer_epochs WHERE number = 1`)
		require.NoError(t, err)
		require.Equal(t, owner.Database, id)
	})
}

func TestAClaimWaitsForNobody(t *testing.T) {
	server := brokertest.NewExternal(t)
	b := server.Connect()
	server.Stop()
	db := databasetest.Open(t, database.SQLite, "stores", nil)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	err := newRelay(db, b).Claim(ctx)
	require.Error(t, err)
	require.NotErrorIs(t, err, ErrForeign)
}
