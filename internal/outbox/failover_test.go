package outbox

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"mallbots/internal/broker"
	"mallbots/internal/broker/brokertest"
	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
	"mallbots/internal/database/pgtest"
)

// TestAFailoverThatLosesTheLastTransactions replaces the database, under a relay
// that runs, by a copy of some time before, as a standby does that takes over
// without the last transactions. What is written then must not be taken for what
// was lost, nor be lost itself.
func TestAFailoverThatLosesTheLastTransactions(t *testing.T) {
	server, err := pgtest.Start(false)
	if errors.Is(err, pgtest.ErrNone) {
		t.Skip("NOT RUN: " + err.Error())
	}
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	dsn := pgtest.Create(t, server.DSN)
	config, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	name := pgx.Identifier{config.Database}.Sanitize()
	admin := func(statements ...string) {
		t.Helper()
		conn, err := pgx.Connect(t.Context(), server.DSN)
		require.NoError(t, err)
		for _, statement := range statements {
			require.Eventually(t, func() bool { // those who try to connect are in the way, for moments
				_, err = conn.Exec(t.Context(), statement)
				return err == nil
			}, long, time.Millisecond, statement)
		}
		require.NoError(t, conn.Close(t.Context()))
	}
	open := func() database.DB {
		t.Helper()
		db, err := database.Open(t.Context(), database.Config{Module: "stores", URL: dsn}, nil)
		require.NoError(t, err)
		return db
	}

	b := brokertest.Embedded(t)
	db := open()
	first := newRelay(db, b)
	stop := start(t, first)
	put(t, db, "s1", 1, 5)
	empty(t, first)
	stop()
	require.NoError(t, db.Close())
	admin("CREATE DATABASE standby TEMPLATE " + name)

	db = open()
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	r := newRelay(db, b)
	start(t, r)
	put(t, db, "s1", 6, 9)
	put(t, db, "s2", 1, 4)
	empty(t, r)
	admin("ALTER DATABASE " + name + " ALLOW_CONNECTIONS false") // nobody sees it again
	require.NoError(t, server.Crash())
	require.NoError(t, server.Restart())
	admin("ALTER DATABASE "+name+" RENAME TO old", "ALTER DATABASE standby RENAME TO "+name)

	publish := func(key string, n int) {
		t.Helper()
		require.Eventually(t, func() bool {
			return db.InTx(t.Context(), func(tx database.Tx) error { return Publish(t.Context(), tx, key, rebranded(key, n)) }) == nil
		}, long, time.Millisecond)
	}
	for n := range 3 {
		publish("s1", 100+n)
		publish("s2", 100+n)
		publish("s3", 1+n)
	}
	empty(t, r)
	require.Eventually(t, func() bool { return r.Health() == nil }, long, 10*time.Millisecond)
	require.Equal(t, map[string][]string{
		"s1": append(numbers(1, 9), "100", "101", "102"), "s2": append(numbers(1, 4), "100", "101", "102"), "s3": numbers(1, 3),
	}, perKey(t, r))
	lost, err := LostMessages(t.Context(), db, "", 100)
	require.NoError(t, err)
	require.Len(t, lost, 8)
}

// cutOff is a stream that one process cannot reach.
type cutOff struct {
	Stream
	lost atomic.Bool
}

func (c *cutOff) Last(ctx context.Context) (uint64, error) {
	if c.lost.Load() {
		return 0, broker.ErrUnknown
	}
	return c.Stream.Last(ctx)
}

func (c *cutOff) Append(ctx context.Context, expectedLast uint64, messages []broker.Message) (uint64, error) {
	if c.lost.Load() {
		return 0, broker.ErrUnknown
	}
	return c.Stream.Append(ctx, expectedLast, messages)
}

// TestWhoHasLostTheBrokerLetsAnotherPublish cuts a leader off from the broker,
// but not from the database, where it would keep the lock of its leadership.
func TestWhoHasLostTheBrokerLetsAnotherPublish(t *testing.T) {
	db := databasetest.Open(t, database.Postgres, "stores", nil)
	b := brokertest.Embedded(t)
	one, two := newRelay(db, b), newRelay(db, b)
	door := &cutOff{Stream: one.stream}
	one.stream, one.patience = door, 200*time.Millisecond
	start(t, one)
	put(t, db, "s1", 1, 5)
	empty(t, one)
	stop := start(t, two)

	door.lost.Store(true)
	put(t, db, "s1", 6, 9)
	empty(t, two)
	require.Eventually(t, func() bool { return one.Health() == nil && !one.HealthySince().IsZero() }, long, time.Millisecond, "to stand by is no illness")

	stop() // alone, it says what is wrong, and recovers by itself
	put(t, db, "s1", 10, 12)
	require.Eventually(t, func() bool { return one.Health() != nil }, long, time.Millisecond)
	require.True(t, one.HealthySince().IsZero())
	door.lost.Store(false)
	empty(t, one)
	require.Eventually(t, func() bool { return one.Health() == nil }, long, time.Millisecond)
	verify(t, two, map[string]int{"s1": 12})
}
