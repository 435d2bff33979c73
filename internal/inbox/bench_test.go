package inbox

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/broker"
	"mallbots/internal/database/databasetest"
)

// How many messages with one effect each are applied, per lanes and database,
// when 1000 of them wait at any time.
func BenchmarkApply(b *testing.B) {
	for _, dialect := range databasetest.Dialects {
		for _, lanes := range []int{4, 8, 16, 32} {
			b.Run(fmt.Sprintf("%s/lanes=%d", dialect, lanes), func(b *testing.B) {
				t := newBench(b, databasetest.Open(b, dialect, "test", effects), Lanes(lanes))
				t.start()
				messages := make([]broker.Message, b.N)
				for i := range messages {
					messages[i] = price(fmt.Sprintf("product-%d", i%500), int64(i/500)+1)
				}
				room := make(chan struct{}, 1000)
				b.ResetTimer()
				for i, m := range messages {
					room <- struct{}{}
					m.Sequence = uint64(i + 1)
					t.c.receive(b.Context(), m, token(room))
				}
				for range cap(room) {
					room <- struct{}{}
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
			})
		}
	}
}

// token makes room when it is acknowledged.
type token chan struct{}

func (t token) Ack() error              { <-t; return nil }
func (t token) InProgress() error       { return nil }
func (t token) Nak(time.Duration) error { return nil }

// How long it takes from the broker's having a message to its effect's being
// committed and known, one at a time.
func BenchmarkHop(b *testing.B) {
	for _, dialect := range databasetest.Dialects {
		b.Run(string(dialect), func(b *testing.B) {
			t := newBench(b, databasetest.Open(b, dialect, "test", effects))
			server := nats(b)
			t.run(server)
			stream := server.Stream("stores")
			last := uint64(0)
			var took time.Duration
			for i := range int64(b.N) {
				var err error
				last, err = stream.Append(b.Context(), last, []broker.Message{price("ada", i+1)})
				require.NoError(b, err)
				start := time.Now()
				done, err := t.in.Await(b.Context(), "stores", "ada", i+1)
				require.NoError(b, err)
				require.True(b, done)
				took += time.Since(start)
			}
			b.ReportMetric(float64(took.Microseconds())/float64(b.N), "µs/hop")
		})
	}
}
