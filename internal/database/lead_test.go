package database_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
)

func TestOneLeadsAtATime(t *testing.T) {
	databasetest.Each(t, nil, func(t *testing.T, db database.DB) {
		lost, release, err := database.Lead(t.Context(), db, "relay")
		require.NoError(t, err)
		_, releaseOther, err := database.Lead(t.Context(), db, "sweeper")
		require.NoError(t, err, "another post")
		defer releaseOther()

		hurry, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, _, err = database.Lead(hurry, db, "relay")
		require.ErrorIs(t, err, context.DeadlineExceeded)

		led := make(chan func(), 1)
		go func() {
			_, release, err := database.Lead(t.Context(), db, "relay")
			if err != nil {
				t.Error(err)
			}
			led <- release
		}()
		require.Empty(t, led)
		release()
		release()
		select {
		case release := <-led:
			release()
		case <-time.After(long):
			t.Fatal("nobody leads")
		}
		require.Empty(t, lost)
	})
}

func TestALeaderLearnsThatItsSessionIsGone(t *testing.T) {
	config := databasetest.Config(t, database.Postgres, "test")
	db := open(t, config, nil)
	lost, release, err := database.Lead(t.Context(), db, "relay")
	require.NoError(t, err)
	defer release()

	conn, err := pgx.Connect(t.Context(), config.URL)
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	_, err = conn.Exec(t.Context(), `SELECT pg_terminate_backend(pid, 5000) FROM pg_locks
		WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
	require.NoError(t, err)
	select {
	case <-lost:
	case <-time.After(long):
		t.Fatal("it does not know")
	}
	_, again, err := database.Lead(t.Context(), db, "relay")
	require.NoError(t, err)
	again()
}
