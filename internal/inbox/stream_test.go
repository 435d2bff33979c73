package inbox

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/broker"
	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
	"mallbots/internal/fault"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

// nats starts a broker with the stream of stores in it.
func nats(t testing.TB) *broker.Broker {
	t.Helper()
	server, err := broker.Embedded(t.Context(), t.TempDir(), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), long)
		defer cancel()
		_ = server.Close(ctx)
	})
	require.NoError(t, server.Stream("stores").Ensure(t.Context()))
	return server
}

// run consumes from server until the returned function is called.
func (b *bench) run(server Broker) (stop func()) {
	ctx, cancel := context.WithCancel(b.t.Context())
	done := make(chan error, 1)
	go func() { done <- b.in.Run(ctx, server) }()
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			cancel()
			require.NoError(b.t, <-done)
		}
	}
	b.t.Cleanup(stop)
	return stop
}

func publish(t testing.TB, server *broker.Broker, messages ...broker.Message) {
	t.Helper()
	stream := server.Stream("stores")
	last, err := stream.Last(t.Context())
	require.NoError(t, err)
	_, err = stream.Append(t.Context(), last, messages)
	require.NoError(t, err)
}

func TestAStreamIsConsumedAcrossRestarts(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, effects, func(t *testing.T, db database.DB) {
		server := nats(t)
		b := newBench(t, db)
		require.ErrorContains(t, b.in.Health(), "does not run")
		_, err := b.in.Lag(t.Context())
		require.Error(t, err)

		for round := range int64(3) {
			b = newBench(t, db)
			stop := b.run(server)
			var batch []broker.Message
			for _, key := range keys(40) {
				for s := range int64(5) {
					batch = append(batch, price(key, round*5+s+1))
				}
			}
			publish(t, server, batch...)
			if round == 1 {
				stop() // in the middle of it
				b = newBench(t, db)
				stop = b.run(server)
			}
			for _, key := range keys(40) {
				ctx, cancel := context.WithTimeout(t.Context(), long)
				done, err := b.in.Await(ctx, "stores", key, round*5+5)
				cancel()
				require.NoError(t, err)
				require.True(t, done, "round %d, %s", round, key)
				b.applied(key, round*5+5)
			}
			b.eventually(func() bool { n, err := b.in.Lag(t.Context()); return err == nil && n == 0 })
			require.NoError(t, b.in.Health())
			stop()
		}
		require.Empty(t, b.letters(""))
	})
}

// A message that waits longer than AckWait is held on to, not delivered again.
func TestWhatWaitsStaysInProgress(t *testing.T) {
	t.Parallel()
	b := newBench(t, databasetest.Open(t, database.SQLite, "test", effects))
	b.in.settings.gap = time.Minute
	server := nats(t)
	deliveries := make(chan int, 100)
	b.run(spy{server, func(d *broker.Delivery) { deliveries <- d.Redelivered }})
	publish(t, server, price("ada", 2))
	require.Zero(t, <-deliveries)
	timer := time.NewTimer(broker.AckWait + 2*time.Second)
	defer timer.Stop()
	select {
	case n := <-deliveries:
		t.Fatalf("delivered again, %d times before", n)
	case <-timer.C:
	}
	publish(t, server, price("ada", 1))
	ctx, cancel := context.WithTimeout(t.Context(), long)
	defer cancel()
	done, err := b.in.Await(ctx, "stores", "ada", 2)
	require.NoError(t, err)
	require.True(t, done)
	require.Empty(t, b.letters(""))
}

// spy sees the deliveries go by.
type spy struct {
	*broker.Broker
	see func(*broker.Delivery)
}

func (s spy) Subscribe(ctx context.Context, durable, module string, deliver func(*broker.Delivery)) error {
	return s.Broker.Subscribe(ctx, durable, module, func(d *broker.Delivery) { s.see(d); deliver(d) })
}

func TestASubscriptionThatWentDeafIsReplaced(t *testing.T) {
	b := newBench(t, databasetest.Open(t, database.SQLite, "test", effects))
	b.in.settings.deaf = 100 * time.Millisecond
	server := nats(t)
	b.run(&deaf{Broker: server})
	publish(t, server, price("ada", 1))
	b.eventually(func() bool { return b.gate("ada") == gate{1, open} })
}

// deaf hears nothing the first time.
type deaf struct {
	*broker.Broker
	heard bool
}

func (d *deaf) Subscribe(ctx context.Context, durable, module string, deliver func(*broker.Delivery)) error {
	if !d.heard {
		d.heard = true
		<-ctx.Done()
		return nil
	}
	return d.Broker.Subscribe(ctx, durable, module, deliver)
}

func TestAwaitSaysWhetherItWasApplied(t *testing.T) {
	onBoth(t, func(b *bench) {
		b.start()
		b.poison("eve", 1, func(context.Context) error { return fault.New(fault.Invalid, "NO", "no") })
		b.acked(b.deliver(price("eve", 1)))

		done, err := b.in.Await(b.t.Context(), "stores", "eve", 1)
		require.NoError(b.t, err)
		require.False(b.t, done, "its key is parked")

		done, err = b.in.Await(b.t.Context(), "nobody", "ada", 7)
		require.NoError(b.t, err)
		require.True(b.t, done, "it is not consumed")

		ctx, cancel := context.WithTimeout(b.t.Context(), 40*time.Millisecond)
		defer cancel()
		done, err = b.in.Await(ctx, "stores", "ada", 1)
		require.NoError(b.t, err)
		require.False(b.t, done)

		arrived := make(chan bool)
		go func() {
			done, err := b.in.Await(b.t.Context(), "stores", "ada", 2)
			arrived <- done && err == nil
		}()
		b.deliver(price("ada", 1))
		b.deliver(price("ada", 2))
		require.True(b.t, <-arrived)
	})
}

func TestHealthNamesWhatKeepsFailing(t *testing.T) {
	onBoth(t, func(b *bench) {
		b.in.running = true
		now := time.Now()
		b.failing(func(context.Context, database.Tx, *storesv1.ProductPriceChanged) error {
			return fault.New(fault.Unavailable, "AWAY", "the depot is away")
		})
		b.start()
		waiting := b.deliver(price("ada", 1))
		b.eventually(func() bool { return b.c.health(now.Add(time.Minute)) != nil })
		require.NoError(b.t, b.in.Health(), "it is tolerated for a while")
		require.ErrorContains(b.t, b.c.health(now.Add(time.Minute)), "test_stores: 1 keys fail and are retried, mallbots.stores.v1.ProductPriceChanged")
		b.failing(nil)
		b.acked(waiting)
		require.NoError(b.t, b.c.health(now.Add(time.Minute)))
	})
}

func TestOldRowsArePrunedAndTheGateRemembers(t *testing.T) {
	onBoth(t, func(b *bench) {
		b.start()
		first := price("ada", 1)
		b.acked(b.deliver(first))
		require.NoError(b.t, b.in.prune(b.t.Context()))
		require.Equal(b.t, map[string]int{"applied": 1}, b.statuses("ada"))
		b.in.settings.keep = -time.Hour
		require.NoError(b.t, b.in.prune(b.t.Context()))
		require.Empty(b.t, b.statuses("ada"))
		b.acked(b.deliver(first), b.deliver(price("ada", 2)))
		b.applied("ada", 2)
	})
}
