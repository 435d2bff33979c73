package database_test

import (
	"context"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/database"
	"mallbots/internal/database/pgtest"
)

// durable is a PostgreSQL server that keeps what it commits, for benchmarks.
var durable = sync.OnceValues(func() (*pgtest.Server, error) { return pgtest.Start(true) })

// benchmark runs f on a database of each kind that keeps what it commits.
func benchmark(b *testing.B, files fs.FS, f func(b *testing.B, db database.DB)) {
	b.Run("sqlite", func(b *testing.B) {
		f(b, open(b, database.Config{Module: "bench", Dir: b.TempDir()}, files))
	})
	b.Run("postgres", func(b *testing.B) {
		server, err := durable()
		if err != nil {
			b.Skip("NOT RUN: " + err.Error())
		}
		f(b, open(b, database.Config{Module: "bench", URL: pgtest.Create(b, server.DSN)}, files))
	})
}

func open(t testing.TB, config database.Config, files fs.FS) database.DB {
	t.Helper()
	db, err := database.Open(t.Context(), config, files)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// command is what a typical one costs: a read, an event, an outbox row, a row.
func command(ctx context.Context, db database.DB, id string, n int64) error {
	return db.InTx(ctx, func(tx database.Tx) error {
		if _, err := database.All(ctx, tx, database.Value[int64],
			`SELECT version FROM events WHERE aggregate = $1 AND aggregate_id = $2 ORDER BY version`, "basket", id); err != nil {
			return err
		}
		tx.Queue(database.Statement{
			SQL: `INSERT INTO events (aggregate, aggregate_id, version, id, name, data, occurred_at, actor, correlation_id, causation_id)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`,
			Args: []any{"basket", id, int64(1), id, "Started", `{"customer_id":"ada"}`, n, "", "", ""}, Rows: 1,
		})
		tx.Queue(database.Statement{
			SQL:  `INSERT INTO outbox (message_id, key, sequence, subject, headers, payload, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			Args: []any{id, id, n, "baskets.v1.BasketStarted.p07", "{}", make([]byte, 200), n},
		})
		tx.Queue(database.Statement{SQL: `INSERT INTO things (id, n) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET n = excluded.n`, Args: []any{id, n}})
		return nil
	})
}

var serial atomic.Int64

// BenchmarkCommand runs whole commands, alone and by many at once.
func BenchmarkCommand(b *testing.B) {
	benchmark(b, things, func(b *testing.B, db database.DB) {
		for _, writers := range []int{1, 16, 64} {
			b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
				concurrently(b, writers, func(ctx context.Context) error {
					n := serial.Add(1)
					return command(ctx, db, fmt.Sprintf("%032x", n), n)
				})
			})
		}
	})
}

// BenchmarkSmall inserts one row in a transaction.
func BenchmarkSmall(b *testing.B) {
	benchmark(b, things, func(b *testing.B, db database.DB) {
		for _, writers := range []int{1, 16, 64} {
			b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
				concurrently(b, writers, func(ctx context.Context) error {
					n := serial.Add(1)
					return db.InTx(ctx, func(tx database.Tx) error {
						tx.Queue(database.Statement{SQL: `INSERT INTO things (id, n) VALUES ($1, $2)`, Args: []any{fmt.Sprintf("%032x", n), n}})
						return nil
					})
				})
			})
		}
	})
}

// BenchmarkRead reads one row by its key.
func BenchmarkRead(b *testing.B) {
	benchmark(b, things, func(b *testing.B, db database.DB) {
		require.NoError(b, put(b.Context(), db, "a", 1))
		for _, readers := range []int{1, 16} {
			b.Run(fmt.Sprintf("readers=%d", readers), func(b *testing.B) {
				concurrently(b, readers, func(ctx context.Context) error {
					_, err := database.One(ctx, db, database.Value[int64], `SELECT n FROM things WHERE id = $1`, "a")
					return err
				})
			})
		}
	})
}

// BenchmarkOpen opens a database that is migrated already.
func BenchmarkOpen(b *testing.B) {
	config := database.Config{Module: "bench", Dir: b.TempDir()}
	require.NoError(b, database.Migrate(b.Context(), config, things))
	for b.Loop() {
		require.NoError(b, database.Migrate(b.Context(), config, things))
	}
}

// concurrently shares b.N calls of f among workers.
func concurrently(b *testing.B, workers int, f func(context.Context) error) {
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ResetTimer()
	start := time.Now()
	var wait sync.WaitGroup
	for range workers {
		wait.Go(func() {
			for left.Add(-1) >= 0 {
				if err := f(b.Context()); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
	b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "op/s")
}
