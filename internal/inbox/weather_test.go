package inbox

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/broker"
	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
)

// Connections that break in the middle of everything cost time, and nothing else.
func TestBrokenConnectionsLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, databasetest.Open(t, database.Postgres, "test", effects))
	b.start()
	var receipts []*receipt
	for s := range int64(20) {
		for _, key := range keys(50) {
			receipts = append(receipts, b.deliver(price(key, s+1)))
		}
		if s%2 == 0 {
			_, _ = database.All(t.Context(), b.db, database.Value[bool], // it may break its own connection
				`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		}
	}
	b.acked(receipts...)
	for _, key := range keys(50) {
		b.applied(key, 20)
	}
	require.Empty(t, b.letters(""))
}

// Two processes on one durable consumer get the messages of a key in turns; the
// gate keeps the order all the same.
func TestTwoProcessesOnOneConsumerKeepTheOrder(t *testing.T) {
	t.Parallel()
	config := databasetest.Config(t, database.Postgres, "test")
	server := nats(t)
	var benches []*bench
	for range 2 {
		db, err := database.Open(t.Context(), config, effects)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, db.Close()) })
		b := newBench(t, db)
		b.in.settings.gap = time.Minute
		benches = append(benches, b)
		b.run(server)
	}
	for round := range int64(10) {
		var batch []broker.Message
		for s := range int64(2) {
			for _, key := range keys(20) {
				batch = append(batch, price(key, round*2+s+1))
			}
		}
		publish(t, server, batch...)
	}
	ctx, cancel := context.WithTimeout(t.Context(), long)
	defer cancel()
	for i, key := range keys(20) {
		done, err := benches[i%2].in.Await(ctx, "stores", key, 20)
		require.NoError(t, err)
		require.True(t, done, key)
		benches[0].applied(key, 20)
	}
	require.Empty(t, benches[0].letters(""))
}

// Whatever arrives, there is a message to work on or a reason to refuse it.
func FuzzNewMessage(f *testing.F) {
	sound := price("ada", 1)
	f.Add(sound.Subject, sound.ID, broker.HeaderSequence, "1", sound.Data)
	f.Add("mallbots.stores.v1.x", "", broker.HeaderSubject, "%zz", []byte(nil))
	f.Fuzz(func(t *testing.T, subject, id, header, value string, data []byte) {
		m := price("ada", 1)
		m.Subject, m.ID, m.Data = subject, id, data
		m.Header[header] = value
		made := newMessage("stores", m, silent{}, time.Now())
		require.NotEmpty(t, made.id)
		if made.invalid == nil {
			require.NotEmpty(t, made.key)
			require.Positive(t, made.sequence)
			require.Contains(t, made.kind, "mallbots.stores.")
		}
	})
}
