package outbox

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/broker"
	"mallbots/internal/broker/brokertest"
	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
)

// BenchmarkHop is the time from a commit to the arrival of its message at a
// consumer, one message at a time.
func BenchmarkHop(b *testing.B) {
	for _, dialect := range databasetest.Dialects {
		b.Run(string(dialect), func(b *testing.B) {
			db := databasetest.Open(b, dialect, "stores", nil)
			via := brokertest.Embedded(b)
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			go func() { _ = NewRelay(db, via.Stream("stores"), slog.New(slog.DiscardHandler)).Run(ctx) }()
			arrived := make(chan time.Time, 1)
			go func() {
				_ = via.Subscribe(ctx, "bench", "stores", func(d *broker.Delivery) {
					arrived <- time.Now()
					_ = d.Ack()
				})
			}()
			var all []time.Duration
			send := func(i int) {
				require.NoError(b, db.InTx(ctx, func(tx database.Tx) error { return Publish(ctx, tx, "s1", rebranded("s1", i)) }))
				committed := time.Now()
				all = append(all, max(0, (<-arrived).Sub(committed)))
			}
			send(0)
			all = nil
			for i := 1; b.Loop(); i++ {
				send(i)
			}
			slices.Sort(all)
			b.ReportMetric(float64(all[len(all)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "p99-µs")
		})
	}
}

// BenchmarkRelay is how fast a backlog is published and moved.
func BenchmarkRelay(b *testing.B) {
	for _, dialect := range databasetest.Dialects {
		b.Run(fmt.Sprint(dialect), func(b *testing.B) {
			db := databasetest.Open(b, dialect, "stores", nil)
			const n = 5000
			for b.Loop() {
				b.StopTimer()
				require.NoError(b, db.InTx(b.Context(), func(tx database.Tx) error {
					for i := range n {
						if err := Publish(b.Context(), tx, "s1", rebranded("s1", i)); err != nil {
							return err
						}
					}
					return nil
				}))
				r := NewRelay(db, brokertest.Embedded(b).Stream("stores"), slog.New(slog.DiscardHandler))
				ctx, cancel := context.WithCancel(b.Context())
				ended := make(chan error, 1)
				b.StartTimer()
				go func() { ended <- r.Run(ctx) }()
				require.Eventually(b, func() bool {
					rows, _, err := r.Depth(ctx)
					return err == nil && rows == 0
				}, 20*time.Second, time.Millisecond)
				b.StopTimer()
				cancel()
				require.NoError(b, <-ended)
				b.StartTimer()
			}
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}
