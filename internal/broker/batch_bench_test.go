package broker

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkBatch weighs an atomic batch against the same number of messages
// sent one after the other, turn by turn on the same stream.
func BenchmarkBatch(b *testing.B) {
	for _, size := range []int{2, 4, 8, 16, 32, 64} {
		b.Run(fmt.Sprintf("%02d", size), func(b *testing.B) {
			broker, err := Embedded(b.Context(), b.TempDir(), quiet())
			require.NoError(b, err)
			b.Cleanup(func() { require.NoError(b, broker.Close(context.Background())) })
			s := broker.Stream("baskets")
			require.NoError(b, s.Ensure(b.Context()))
			var last uint64
			var batch, singles time.Duration
			rounds := 0
			for b.Loop() {
				rounds++
				began := time.Now()
				last, err = s.Append(b.Context(), last, some("batch", size))
				require.NoError(b, err)
				batch += time.Since(began)
				began = time.Now()
				for _, m := range some("single", size) {
					last, err = s.Append(b.Context(), last, []Message{m})
					require.NoError(b, err)
				}
				singles += time.Since(began)
			}
			b.ReportMetric(float64(batch.Microseconds())/float64(rounds), "µs/batch")
			b.ReportMetric(float64(singles.Microseconds())/float64(rounds), "µs/singles")
			b.ReportMetric(float64(batch)/float64(singles), "batch/singles")
		})
	}
}
