package database_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/database"
	"mallbots/internal/database/pgtest"
)

// BenchmarkNotify inserts one row in a transaction, by 16 at once, and says
// nothing of it to other processes, or says it as is done here, or with NOTIFY in
// the transaction itself (ADR 0028).
//
//	go test -run=^$ -bench=Notify -benchtime=3s ./internal/database
func BenchmarkNotify(b *testing.B) {
	server, err := durable()
	if err != nil {
		b.Skip("NOT RUN: " + err.Error())
	}
	config := database.Config{Module: "bench", URL: pgtest.Create(b, server.DSN)}
	db, other := open(b, config, things), open(b, config, things)
	ctx, cancel := context.WithCancel(b.Context())
	b.Cleanup(cancel)
	for _, process := range []database.DB{db, other} {
		go database.Attend(ctx, process, fit, func(int64) {})
	}
	require.Eventually(b, func() bool { return len(database.CrewOf(db).Members) == 2 }, 10*time.Second, time.Millisecond)
	for name, say := range map[string]func(tx database.Tx){
		"nothing": func(database.Tx) {},
		"after":   func(tx database.Tx) { tx.NotifyAll("orders") },
		"within": func(tx database.Tx) {
			tx.Queue(database.Statement{SQL: `SELECT pg_notify('mallbots_bench', '0 orders')`})
		},
	} {
		b.Run(name, func(b *testing.B) {
			concurrently(b, 16, func(ctx context.Context) error {
				n := serial.Add(1)
				return db.InTx(ctx, func(tx database.Tx) error {
					tx.Queue(database.Statement{SQL: `INSERT INTO things (id, n) VALUES ($1, $2)`, Args: []any{fmt.Sprintf("%032x", n), n}})
					say(tx)
					return nil
				})
			})
		})
	}
}
