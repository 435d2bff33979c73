package inbox

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/broker"
	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

// settled waits until all is acknowledged, and noted as such.
func (b *bench) settled(server *broker.Broker) {
	b.t.Helper()
	b.eventually(func() bool {
		n, err := b.in.Lag(b.t.Context())
		floor, err2 := server.Floor(b.t.Context(), b.c.name, "stores")
		noted, err3 := b.c.noted(b.t.Context(), b.db)
		return err == nil && err2 == nil && err3 == nil && n == 0 && noted == position{floor.Epoch, int64(floor.Acknowledged)}
	}, "all is acknowledged and noted")
}

func (b *bench) awaits(key string, sequence int64) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), long)
	defer cancel()
	done, err := b.in.Await(ctx, "stores", key, sequence)
	require.NoError(b.t, err)
	require.True(b.t, done, "%s up to %d", key, sequence)
}

// all are the tables of a module that a backup holds.
var all = []string{"inbox", "inbox_keys", "inbox_positions", "dead_letters", "effects"}

// The database is restored to an earlier time, while the broker believes that
// everything was acknowledged.
func TestADatabaseThatWasRestoredHearsAgainWhatItForgot(t *testing.T) {
	t.Parallel()
	for _, while := range []string{"stopped", "running"} {
		t.Run(while, func(t *testing.T) {
			databasetest.Each(t, effects, func(t *testing.T, db database.DB) {
				server := nats(t)
				b := newBench(t, db)
				stop := b.run(server)
				round := func(first, last int64) (batch []broker.Message) {
					for s := first; s <= last; s++ {
						for _, key := range keys(20) {
							batch = append(batch, price(key, s))
						}
					}
					return batch
				}
				publish(t, server, round(1, 10)...)
				publish(t, server, price("parked", 1), price("parked", 3))
				for _, key := range keys(20) {
					b.awaits(key, 10)
				}
				b.eventually(func() bool { return len(b.letters(CauseGap)) == 1 })
				b.settled(server)
				restore := databasetest.Backup(t, db, all...)

				publish(t, server, round(11, 20)...)
				publish(t, server, price("parked", 4), price("late", 1))
				for _, key := range keys(20) {
					b.awaits(key, 20)
				}
				b.settled(server)
				if while == "stopped" {
					stop()
					restore()
					b = newBench(t, db)
					b.run(server)
				} else {
					restore()
				}
				began := time.Now()
				for _, key := range keys(20) {
					b.awaits(key, 20)
					b.applied(key, 20)
				}
				t.Logf("healed after %s", time.Since(began).Round(time.Millisecond))
				b.awaits("late", 1)
				b.eventually(func() bool { return len(b.letters(CauseHeld)) == 1 }, "what waited behind the gap waits again")
				require.Len(t, b.letters(CauseGap), 1)
				b.settled(server)
			})
		})
	}
}

// A restart without a loss delivers nothing again.
func TestAnOrdinaryRestartRewindsNothing(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, effects, func(t *testing.T, db database.DB) {
		server := nats(t)
		b := newBench(t, db)
		stop := b.run(server)
		publish(t, server, price("ada", 1), price("bob", 1))
		b.awaits("bob", 1)
		b.settled(server)
		publish(t, server, price("ada", 2), event("ada", 3, &storesv1.StoreCreated{StoreId: "ada"}))
		b.awaits("ada", 3)
		stop() // before that is noted, most of the time

		b = newBench(t, db)
		heard := make(chan *broker.Delivery, 100)
		b.run(onlooker{server, func(d *broker.Delivery) { heard <- d }})
		b.settled(server)
		publish(t, server, price("ada", 4))
		b.awaits("ada", 4)
		require.Len(t, heard, 1)
	})
}

// The broker has acknowledged, beyond what it waits for, what the database does not
// know: for a message whose place another one had, say, before a crash.
func TestWhatIsAcknowledgedAheadIsComparedOnceItIsReached(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, effects, func(t *testing.T, db database.DB) {
		server := nats(t)
		publish(t, server, price("slow", 1), price("ada", 1), price("bob", 1))
		b := newBench(t, db)
		subscribed, stop := context.WithCancel(t.Context())
		acked := make(chan error, 10)
		go func() {
			_ = server.Subscribe(subscribed, b.c.name, "stores", func(d *broker.Delivery) {
				if d.Sequence > 1 {
					acked <- d.Ack() // and nothing else
				}
			})
		}()
		require.NoError(t, <-acked)
		require.NoError(t, <-acked)
		eventually(t, func() bool {
			floor, err := server.Floor(t.Context(), b.c.name, "stores")
			return err == nil && floor.Acknowledged == 0 && floor.Delivered == 3
		})
		stop()
		b.run(server)
		for _, key := range []string{"slow", "ada", "bob"} {
			b.awaits(key, 1)
			b.applied(key, 1)
		}
		b.settled(server)
	})
}

// onlooker sees the deliveries of a broker.
type onlooker struct {
	*broker.Broker
	see func(*broker.Delivery)
}

func (o onlooker) Subscribe(ctx context.Context, durable, module string, deliver func(*broker.Delivery)) error {
	return o.Broker.Subscribe(ctx, durable, module, func(d *broker.Delivery) {
		o.see(d)
		deliver(d)
	})
}
