package broker_test

import (
	"context"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/broker"
	"mallbots/internal/broker/brokertest"
)

// BenchmarkDurables measures what durable consumers cost a cluster of three
// servers while nothing happens: the processor time of all three, and of those
// who listen (ADR 0027).
//
//	go test -run=^$ -bench=Durables -benchtime=1x ./internal/broker
func BenchmarkDurables(b *testing.B) {
	for _, durables := range []int{6, 48} {
		b.Run(fmt.Sprint(durables), func(b *testing.B) {
			process := brokertest.NewCluster(b).Connect()
			stream := process.Stream("baskets")
			require.NoError(b, stream.Ensure(b.Context()))
			_, err := stream.Append(b.Context(), 0, some(1))
			require.NoError(b, err)
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			var all sync.WaitGroup
			began, there := time.Now(), make(chan struct{}, durables)
			for i := range durables {
				all.Go(func() {
					_ = process.Subscribe(ctx, fmt.Sprintf("d%d", i), "baskets", func(d *broker.Delivery) {
						if d.Ack() == nil {
							there <- struct{}{}
						}
					})
				})
			}
			for range durables {
				<-there
			}
			b.ReportMetric(time.Since(began).Seconds(), "s-until-there")
			<-time.After(3 * time.Second) // until all have come to rest
			before, length := processor(b), 10*time.Second
			<-time.After(length)
			b.ReportMetric(float64((processor(b)-before).Milliseconds())/length.Seconds(), "cpu-ms/s")
			cancel()
			all.Wait()
		})
	}
}

// processor is how long this process has computed.
func processor(t testing.TB) time.Duration {
	t.Helper()
	var used syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
