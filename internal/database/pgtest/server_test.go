package pgtest

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

func TestAServerComesBackFromACrash(t *testing.T) {
	s, err := Start(true)
	if errors.Is(err, ErrNone) {
		t.Skip("NOT RUN: " + err.Error())
	}
	require.NoError(t, err)
	t.Cleanup(s.Stop)
	conn, err := pgx.Connect(t.Context(), s.DSN)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "CREATE TABLE kept AS SELECT 1 AS one")
	require.NoError(t, err)

	require.NoError(t, s.Crash())
	require.Error(t, conn.Ping(t.Context()))
	_, err = pgx.Connect(t.Context(), s.DSN)
	require.Error(t, err)
	require.NoError(t, s.Restart())
	conn, err = pgx.Connect(t.Context(), s.DSN)
	require.NoError(t, err)
	var one int
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT one FROM kept").Scan(&one))
	require.NoError(t, conn.Close(t.Context()))
}
