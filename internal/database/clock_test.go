package database_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
)

func TestAClockThatIsWrongIsWaitedFor(t *testing.T) {
	config := databasetest.Config(t, database.Postgres, "things")
	for wrong, says := range map[time.Duration]string{
		time.Hour:  "this machine is 1h0m0s ahead of the server",
		-time.Hour: "this machine is 1h0m0s behind the server",
	} {
		right := database.SetClock(wrong)
		_, err := database.Open(t.Context(), config, things)
		right()
		require.ErrorIs(t, err, database.ErrClock)
		require.ErrorContains(t, err, says)
		require.True(t, database.Transient(err), "the process waits, and readiness says why")
	}
	right := database.SetClock(10 * time.Second)
	db, err := database.Open(t.Context(), config, things)
	right()
	require.NoError(t, err, "a little is nothing")
	require.NoError(t, db.Close())
}
