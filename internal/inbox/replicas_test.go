package inbox

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/broker"
	"mallbots/internal/broker/brokertest"
	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

// team is a module of several processes: inboxes that have nothing in common but
// the PostgreSQL database and the NATS server.
type team struct {
	t       testing.TB
	config  database.Config
	server  *brokertest.External
	handles func(ctx context.Context, tx database.Tx, e *storesv1.ProductPriceChanged) error
	last    uint64 // of the stream
}

func newTeam(t testing.TB) *team {
	t.Helper()
	g := &team{t: t, config: databasetest.Config(t, database.Postgres, "test"), server: brokertest.NewExternal(t)}
	require.NoError(t, g.connect().Stream("stores").Ensure(t.Context()))
	return g
}

// connect waits for the connection.
func (g *team) connect() *broker.Broker {
	b := g.server.Connect()
	eventually(g.t, func() bool { return b.Health() == nil })
	return b
}

// member is one of the processes.
type member struct {
	*bench
	leave func()
}

// join starts another process, and waits until it is one of the crew.
func (g *team) join(lanes int) *member { return g.joinBy(g.connect(), lanes) }

// joinBy is join with the connection to use.
func (g *team) joinBy(server Broker, lanes int) *member {
	g.t.Helper()
	db, err := database.Open(g.t.Context(), g.config, effects)
	require.NoError(g.t, err)
	g.t.Cleanup(func() { require.NoError(g.t, db.Close()) })
	b := newBench(g.t, db, Lanes(lanes))
	b.in.settings.gap = 10 * time.Second
	if g.handles != nil {
		b.failing(g.handles)
	}
	m := &member{bench: b, leave: b.run(server)}
	eventually(g.t, func() bool { return database.CrewOf(db).Self != 0 })
	return m
}

// complete waits until each of some members knows them all.
func (g *team) complete(members ...*member) {
	g.t.Helper()
	for _, m := range members {
		eventually(g.t, func() bool { return len(database.CrewOf(m.db).Members) == len(members) })
	}
}

// publish publishes messages through a connection of its own.
func (g *team) publish(b *broker.Broker, messages []broker.Message) {
	g.t.Helper()
	for len(messages) > 0 {
		n := min(len(messages), broker.MaxBatch)
		var err error
		g.last, err = b.Stream("stores").Append(g.t.Context(), g.last, messages[:n])
		require.NoError(g.t, err)
		messages = messages[n:]
	}
}

// even are keys that are spread over partitions and lanes without chance: as many
// for each of 32 partitions, and for each of 4 lanes therein.
func even(perPlace int) []string {
	var all []string
	have := map[[2]uint32]int{}
	c := &consumer{lanes: []*lane{{}, {}, {}, {}}}
	for i := 0; len(all) < 32*4*perPlace; i++ {
		key := fmt.Sprintf("product-%d", i)
		at := [2]uint32{uint32(broker.Partition(key)), uint32(indexOf(c.lanes, c.lane(&message{key: key})))}
		if have[at] < perPlace {
			have[at]++
			all = append(all, key)
		}
	}
	return all
}

func indexOf(lanes []*lane, l *lane) int {
	for i := range lanes {
		if lanes[i] == l {
			return i
		}
	}
	return -1
}

// slowly takes 5 ms for each message, and no processor.
func slowly(ctx context.Context, _ database.Tx, _ *storesv1.ProductPriceChanged) error {
	timer := time.NewTimer(5 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// work has some processes, of 4 lanes each, apply messages that take 5 ms, and
// returns how long that took.
func work(t testing.TB, processes, sequences int) time.Duration {
	g := newTeam(t)
	g.handles = slowly
	var members []*member
	for range processes {
		members = append(members, g.join(4))
	}
	g.complete(members...)
	names := even(2)
	var messages []broker.Message
	for s := range int64(sequences) {
		for _, key := range names {
			messages = append(messages, price(key, s+1))
		}
	}
	began := time.Now()
	g.publish(g.connect(), messages)
	first := members[0]
	for _, key := range names {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		done, err := first.in.Await(ctx, "stores", key, int64(sequences))
		cancel()
		require.NoError(t, err)
		require.True(t, done, key)
	}
	took := time.Since(began)
	for _, key := range names {
		first.applied(key, int64(sequences))
	}
	require.Empty(t, first.letters(""))
	for _, m := range members {
		m.leave()
	}
	t.Logf("%d processes: %d messages in %s, %.0f/s", processes, len(messages), took.Round(time.Millisecond), float64(len(messages))/took.Seconds())
	return took
}

// Where the handlers take the time, two processes do at least 1.6 times what one
// does, and every key's effects happen once and in order. While the machine is
// busy with other tests it cannot be told, so the best of a few rounds counts.
func TestTwoProcessesDoMore(t *testing.T) {
	best := 0.0
	for round := 0; round < 5 && best < 1.6; round++ {
		one, two := work(t, 1, 8), work(t, 2, 8)
		best = max(best, one.Seconds()/two.Seconds())
	}
	require.GreaterOrEqual(t, best, 1.6)
}

// go test -run=^$ -bench=Replicas -benchtime=1x ./internal/inbox
func BenchmarkReplicas(b *testing.B) {
	for processes := 1; processes <= 4; processes++ {
		b.Run(fmt.Sprint(processes), func(b *testing.B) {
			for range b.N {
				const sequences = 16
				b.ReportMetric(sequences*256/work(b, processes, sequences).Seconds(), "messages/s")
			}
		})
	}
}

// cutOff is a connection that seems to be lost.
type cutOff struct {
	*broker.Broker
	lost atomic.Bool
}

func (c *cutOff) Connected() bool { return !c.lost.Load() && c.Broker.Connected() }

// Who has lost the broker, and not the database, does not deal out.
func TestWhoHasLostTheBrokerStepsBack(t *testing.T) {
	g := newTeam(t)
	door := &cutOff{Broker: g.connect()}
	first := g.joinBy(door, 4)
	second := g.join(4)
	g.complete(first, second)
	require.True(t, database.CrewOf(first.db).Leads())
	door.lost.Store(true)
	eventually(t, func() bool { return database.CrewOf(second.db).Leads() })
	eventually(t, func() bool { return database.CrewOf(first.db).Self == 0 }, "it knows, if a moment later")
	door.lost.Store(false)
	g.complete(first, second)
	require.True(t, database.CrewOf(second.db).Leads(), "who comes back is the youngest")
	g.publish(g.connect(), []broker.Message{price("ada", 1), price("ben", 1), price("cat", 1)})
	for _, key := range []string{"ada", "ben", "cat"} {
		first.eventually(func() bool { return first.gate(key).sequence == 1 })
	}
}

// An older process takes deliveries from the same durable consumer, and hands
// none on.
type older struct{ *broker.Broker }

func (o older) consume(ctx context.Context, m *bench) error {
	m.c.start(ctx)
	err := o.Subscribe(ctx, m.c.name, m.c.source, func(d *broker.Delivery) { m.c.receive(ctx, d.Message, d) })
	m.c.work.Wait()
	m.c.giveBack()
	return err
}

// Processes come and go, one of them of a release that knows of no colleagues,
// and nothing is lost, doubled or out of order.
func TestProcessesComeAndGo(t *testing.T) {
	g := newTeam(t)
	names := even(1)
	publishing, stop := context.WithCancel(t.Context())
	published := make(chan int64)
	producer := g.connect()
	go func() {
		sequence := int64(0)
		for ; publishing.Err() == nil; sequence++ {
			var messages []broker.Message
			for _, key := range names {
				messages = append(messages, price(key, sequence+1))
			}
			g.publish(producer, messages)
			<-time.After(20 * time.Millisecond)
		}
		published <- sequence
	}()
	pause := func() { <-time.After(700 * time.Millisecond) }

	first := g.join(4)
	pause()
	second := g.join(4)
	pause()
	first.leave()
	pause()
	third := g.join(4)
	old, err := database.Open(t.Context(), g.config, effects)
	require.NoError(t, err)
	defer func() { require.NoError(t, old.Close()) }()
	ctx, retire := context.WithCancel(t.Context())
	retired := make(chan error, 1)
	stranger := newBench(t, old, Lanes(4))
	stranger.in.settings.gap = 10 * time.Second
	go func() { retired <- older{g.connect()}.consume(ctx, stranger) }()
	pause()
	retire()
	require.NoError(t, <-retired)
	third.leave()
	pause()
	second.leave()
	fourth := g.join(4)
	stop()
	last := <-published
	for _, key := range names {
		eventually(t, func() bool { return fourth.gate(key) == gate{last, open} }, key)
		fourth.applied(key, last)
	}
	require.Empty(t, fourth.letters(""))
	require.Empty(t, fourth.letters(CauseHeld))
	t.Logf("%d messages of %d keys", last*int64(len(names)), len(names))
}
