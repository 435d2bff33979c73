package inbox

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"mallbots/internal/broker"
	"mallbots/internal/database"
)

// The ways in which two processes could share the work (ADR 0027), with handlers
// that take 5 ms: dealt out, as they do; both taking from one durable consumer; and
// eight durable consumers of four partitions each, with pinned clients. Of many
// keys, and of few.
//
//	go run ./internal/database/pgtest/with -- go test -run=^$ -bench=Schemes -benchtime=1x ./internal/inbox
func BenchmarkSchemes(b *testing.B) {
	for _, keys := range []int{128, 8} {
		for scheme, start := range map[string]func(g *team) *bench{
			"one process":         func(g *team) *bench { return g.join(4).bench },
			"two, dealt out":      twoDealt,
			"two, one durable":    twoCompeting,
			"two, eight durables": twoPinned,
		} {
			b.Run(fmt.Sprintf("%d keys/%s", keys, scheme), func(b *testing.B) {
				for range b.N {
					b.ReportMetric(race(b, even(1)[:keys], start), "messages/s")
				}
			})
		}
	}
}

// race returns how many messages a second are applied.
func race(t testing.TB, names []string, start func(g *team) *bench) float64 {
	g := newTeam(t)
	g.handles = slowly
	m := start(g)
	const messages = 2048
	each := int64(messages / len(names))
	var all []broker.Message
	for s := range each {
		for _, key := range names {
			all = append(all, price(key, s+1))
		}
	}
	began := time.Now()
	g.publish(g.connect(), all)
	for _, key := range names {
		require.Eventually(t, func() bool { return m.gate(key) == gate{each, open} }, 5*time.Minute, 5*time.Millisecond, key)
	}
	took := time.Since(began)
	for _, key := range names {
		m.applied(key, each)
	}
	return messages / took.Seconds()
}

func twoDealt(g *team) *bench {
	one, two := g.join(4), g.join(4)
	g.complete(one, two)
	return one.bench
}

// apart is a process that knows of no others.
func (g *team) apart(consume func(ctx context.Context, m *bench)) *bench {
	db, err := database.Open(g.t.Context(), g.config, effects)
	require.NoError(g.t, err)
	m := newBench(g.t, db, Lanes(4))
	m.in.settings.gap = time.Minute
	m.failing(g.handles)
	ctx, cancel := context.WithCancel(g.t.Context())
	var done sync.WaitGroup
	done.Go(func() { consume(ctx, m) })
	g.t.Cleanup(func() {
		cancel()
		done.Wait()
		require.NoError(g.t, db.Close())
	})
	return m
}

func twoCompeting(g *team) *bench {
	consume := func(ctx context.Context, m *bench) { require.NoError(g.t, older{g.connect()}.consume(ctx, m)) }
	g.apart(consume)
	return g.apart(consume)
}

// twoPinned are processes that both pull from eight durable consumers, of which
// the server serves the first to come.
func twoPinned(g *team) *bench {
	consume := func(ctx context.Context, m *bench) {
		conn, err := natsgo.Connect(g.server.URL())
		require.NoError(g.t, err)
		defer conn.Close()
		js, err := jetstream.New(conn)
		require.NoError(g.t, err)
		m.c.start(ctx)
		for i := range 8 {
			var filters []string
			for p := range 4 {
				filters = append(filters, fmt.Sprintf("mallbots.stores.*.*.p%02d", 4*i+p))
			}
			consumer, err := js.CreateOrUpdateConsumer(ctx, "MALLBOTS_STORES", jetstream.ConsumerConfig{
				Durable: fmt.Sprintf("%s_%d", m.c.name, i), FilterSubjects: filters, AckPolicy: jetstream.AckExplicitPolicy,
				AckWait: broker.AckWait, MaxDeliver: -1, MaxAckPending: 1024,
				PriorityGroups: []string{"all"}, PriorityPolicy: jetstream.PriorityPolicyPinned, PinnedTTL: 5 * time.Second,
			})
			require.NoError(g.t, err)
			consuming, err := consumer.Consume(func(msg jetstream.Msg) {
				meta, err := msg.Metadata()
				if err != nil {
					return
				}
				delivered := broker.Message{
					Subject: msg.Subject(), ID: msg.Headers().Get(jetstream.MsgIDHeader), Header: broker.Header{},
					Data: msg.Data(), Sequence: meta.Sequence.Stream,
				}
				for name, values := range msg.Headers() {
					delivered.Header[name] = values[0]
				}
				m.c.receive(ctx, delivered, pinnedTicket{msg})
			}, jetstream.PullPriorityGroup("all"), jetstream.PullMaxMessages(256), jetstream.PullExpiry(5*time.Second), jetstream.PullHeartbeat(2*time.Second))
			require.NoError(g.t, err)
			defer consuming.Stop()
		}
		<-ctx.Done()
		m.c.work.Wait()
	}
	g.apart(consume)
	return g.apart(consume)
}

type pinnedTicket struct{ jetstream.Msg }

func (t pinnedTicket) Nak(delay time.Duration) error { return t.NakWithDelay(delay) }
