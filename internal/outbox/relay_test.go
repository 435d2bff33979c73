package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"mallbots/internal/broker"
	"mallbots/internal/broker/brokertest"
	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

// each runs a test on a fresh database of the module stores, of both kinds.
func each(t *testing.T, test func(t *testing.T, db database.DB)) {
	t.Helper()
	for _, dialect := range databasetest.Dialects {
		t.Run(string(dialect), func(t *testing.T) {
			test(t, databasetest.Open(t, dialect, "stores", nil))
		})
	}
}

func newRelay(db database.DB, b *broker.Broker) *Relay {
	return NewRelay(db, b.Stream("stores"), slog.New(slog.DiscardHandler))
}

// start runs a relay until the test ends, or stop is called.
func start(t *testing.T, r *Relay) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			require.NoError(t, <-ended)
		})
	}
	t.Cleanup(stop)
	return stop
}

func rebranded(key string, n int) *storesv1.StoreRebranded {
	return &storesv1.StoreRebranded{StoreId: key, Name: fmt.Sprint(n)}
}

// put publishes messages number first to last of a key, one transaction each.
func put(t *testing.T, db database.DB, key string, first, last int) {
	t.Helper()
	for n := first; n <= last; n++ {
		require.NoError(t, db.InTx(t.Context(), func(tx database.Tx) error {
			return Publish(t.Context(), tx, key, rebranded(key, n))
		}))
	}
}

// empty waits until the outbox is.
func empty(t *testing.T, r *Relay) {
	t.Helper()
	require.Eventually(t, func() bool {
		rows, _, err := r.Depth(t.Context())
		return err == nil && rows == 0
	}, 20*time.Second, 2*time.Millisecond)
}

// verify reads the stream and checks that it holds numbers 1 to want of each
// key, once and in order, and that outbox_sent says the same.
func verify(t *testing.T, r *Relay, want map[string]int) {
	t.Helper()
	ctx := t.Context()
	seen := map[string]int{}
	sent := map[string]int64{}
	rows, err := database.All(ctx, r.db, func(from database.Row) (struct{}, error) {
		var id string
		var sequence int64
		err := from.Scan(&id, &sequence)
		sent[id] = sequence
		return struct{}{}, err
	}, `SELECT message_id, stream_sequence FROM outbox_sent WHERE epoch = $1`, r.stream.Epoch())
	require.NoError(t, err)
	total := 0
	for from := uint64(1); ; {
		page, err := r.stream.Read(ctx, from, broker.MaxBatch)
		require.NoError(t, err)
		for _, m := range page {
			envelope, err := m.Open()
			require.NoError(t, err)
			var event storesv1.StoreRebranded
			require.NoError(t, proto.Unmarshal(m.Data, &event))
			seen[envelope.Key]++
			require.EqualValues(t, seen[envelope.Key], envelope.Sequence, "sequence of %s", envelope.Key)
			require.Equal(t, fmt.Sprint(seen[envelope.Key]), event.GetName(), "order of %s", envelope.Key)
			require.Equal(t, "stores", envelope.Source)
			require.EqualValues(t, m.Sequence, sent[m.ID])
			total++
		}
		if len(page) < broker.MaxBatch {
			break
		}
		from = page[len(page)-1].Sequence + 1
	}
	require.Equal(t, want, seen)
	require.Len(t, rows, total)
}

// concurrently has writers publish in parallel, each to a key of its own and to
// one that all share, n times as fast as they can; or, when enough is given, at
// a steady pace until it is closed. It returns what the stream must hold.
func concurrently(t *testing.T, db database.DB, writers, n int, enough <-chan struct{}) map[string]int {
	t.Helper()
	want := map[string]int{}
	var wanted sync.Mutex
	pace := make(chan struct{})
	if enough == nil {
		close(pace)
	} else {
		ticker := time.NewTicker(500 * time.Microsecond)
		defer ticker.Stop()
		go func() {
			for {
				select {
				case <-ticker.C:
				case <-enough:
					return
				}
				select {
				case pace <- struct{}{}:
				case <-enough:
					return
				}
			}
		}()
	}
	var shared int // numbered under the lock of its row in outbox_keys
	var all sync.WaitGroup
	failures := make(chan error, writers)
	for w := range writers {
		key := fmt.Sprintf("key-%d", w)
		all.Go(func() {
			for i := 1; i <= n; i++ {
				select {
				case <-enough:
					return
				case <-pace:
				}
				err := db.InTx(t.Context(), func(tx database.Tx) error {
					if err := Publish(t.Context(), tx, key, rebranded(key, i)); err != nil {
						return err
					}
					_, err := tx.Exec(t.Context(), `INSERT INTO outbox_keys (key, sequence) VALUES ('shared', 0)
						ON CONFLICT (key) DO UPDATE SET sequence = outbox_keys.sequence`)
					if err != nil {
						return err
					}
					number := shared + 1
					if err := Publish(t.Context(), tx, "shared", rebranded("shared", number)); err != nil {
						return err
					}
					shared = number
					return nil
				})
				if err != nil {
					failures <- err
					return
				}
				wanted.Lock()
				want[key]++
				want["shared"]++
				wanted.Unlock()
			}
		})
	}
	all.Wait()
	close(failures)
	require.NoError(t, <-failures)
	return want
}

func TestOrderPerKeyUnderConcurrency(t *testing.T) {
	each(t, func(t *testing.T, db database.DB) {
		r := newRelay(db, brokertest.Embedded(t))
		start(t, r)
		want := concurrently(t, db, 16, 40, nil)
		empty(t, r)
		verify(t, r, want)
		require.NoError(t, r.Health())
	})
}

// The relay died after the broker had acknowledged and before the rows left.
func TestCrashBetweenAcknowledgementAndMove(t *testing.T) {
	for _, stored := range []int{1, 7, 20} {
		each(t, func(t *testing.T, db database.DB) {
			b := brokertest.Embedded(t)
			first := newRelay(db, b)
			stop := start(t, first)
			put(t, db, "s1", 1, 3)
			empty(t, first)
			stop()

			put(t, db, "s1", 4, 23)
			rows, err := waiting(t.Context(), db, nil, 100)
			require.NoError(t, err)
			messages, err := first.messages(rows[:stored])
			require.NoError(t, err)
			_, err = first.stream.Append(t.Context(), 3, messages)
			require.NoError(t, err)

			second := newRelay(db, b)
			start(t, second)
			empty(t, second)
			verify(t, second, map[string]int{"s1": 23})
		})
	}
}

// A transaction takes its place in the outbox early and commits late; a relay
// that remembers how far it has read would never see it.
func TestLateCommit(t *testing.T) {
	db := databasetest.Open(t, database.Postgres, "stores", nil)
	r := newRelay(db, brokertest.Embedded(t))
	start(t, r)
	inserted, commit, committed := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		committed <- db.InTx(t.Context(), func(tx database.Tx) error {
			if err := Publish(t.Context(), tx, "early", rebranded("early", 1)); err != nil {
				return err
			}
			err := tx.Flush(t.Context())
			close(inserted)
			<-commit
			return err
		})
	}()
	<-inserted
	put(t, db, "late", 1, 5)
	empty(t, r)
	close(commit)
	require.NoError(t, <-committed)
	empty(t, r)
	verify(t, r, map[string]int{"early": 1, "late": 5})
}

// A relay that was asleep while another took over cannot write any more.
func TestStaleRelayIsFenced(t *testing.T) {
	each(t, func(t *testing.T, db database.DB) {
		ctx := t.Context()
		b := brokertest.Embedded(t)
		asleep := newRelay(db, b)
		require.NoError(t, asleep.resume(ctx))
		m := asleep.newMover(ctx)
		put(t, db, "s1", 1, 10)

		awake := newRelay(db, b)
		stop := start(t, awake)
		empty(t, awake)
		stop()
		put(t, db, "s1", 11, 12)
		_, err := asleep.publish(ctx, m)
		require.ErrorIs(t, err, broker.ErrStale)
		m.close()
		last, err := asleep.stream.Last(ctx)
		require.NoError(t, err)
		require.EqualValues(t, 10, last)

		start(t, asleep)
		empty(t, asleep)
		verify(t, asleep, map[string]int{"s1": 12})
	})
}

func TestTwoRelaysOnOneDatabase(t *testing.T) {
	each(t, func(t *testing.T, db database.DB) {
		b := brokertest.Embedded(t)
		one, two := newRelay(db, b), newRelay(db, b)
		stop := start(t, one)
		start(t, two)
		put(t, db, "s1", 1, 50)
		require.NoError(t, two.Health(), "to stand by is no illness")
		stop()
		put(t, db, "s1", 51, 100)
		empty(t, two)
		verify(t, two, map[string]int{"s1": 100})
	})
}

func TestBrokerRestartsUnderLoad(t *testing.T) {
	each(t, func(t *testing.T, db database.DB) {
		server := brokertest.NewExternal(t)
		r := newRelay(db, server.Connect())
		r.patience = 200 * time.Millisecond
		start(t, r)
		load, enough := make(chan map[string]int, 1), make(chan struct{})
		go func() { load <- concurrently(t, db, 8, 100_000, enough) }()
		require.Eventually(t, func() bool { return r.Health() == nil }, time.Second, time.Millisecond)
		for range 2 {
			server.Stop()
			require.Eventually(t, func() bool { return r.Health() != nil }, 5*time.Second, time.Millisecond)
			require.ErrorContains(t, r.Health(), "nothing of stores was published")
			require.True(t, r.HealthySince().IsZero())
			server.Start()
			require.Eventually(t, func() bool { return r.Health() == nil }, 5*time.Second, time.Millisecond)
		}
		close(enough)
		want := <-load
		empty(t, r)
		verify(t, r, want)
	})
}

func TestBrokerComesLate(t *testing.T) {
	db := databasetest.Open(t, database.SQLite, "stores", nil)
	server := brokertest.NewExternal(t)
	server.Stop()
	r := newRelay(db, server.Connect())
	start(t, r)
	put(t, db, "s1", 1, 3)
	server.Start()
	empty(t, r)
	verify(t, r, map[string]int{"s1": 3})
}

// What somebody else wrote into the stream is told, and is no obstacle.
func TestForeignMessage(t *testing.T) {
	each(t, func(t *testing.T, db database.DB) {
		r := newRelay(db, brokertest.Embedded(t))
		require.NoError(t, r.stream.Ensure(t.Context()))
		_, err := r.stream.Append(t.Context(), 0, []broker.Message{{Subject: "mallbots.stores.v1.Forged.p00", ID: "forged"}})
		require.NoError(t, err)
		stop := start(t, r)
		put(t, db, "s1", 1, 2)
		empty(t, r)
		stop()
		last, err := r.stream.Last(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 3, last)
	})
}

// An id that is stored further back than the relay looks is not stored again.
func TestForgottenMessages(t *testing.T) {
	each(t, func(t *testing.T, db database.DB) {
		r := newRelay(db, brokertest.Embedded(t))
		put(t, db, "s1", 1, 5)
		require.NoError(t, r.resume(t.Context()))
		rows, err := waiting(t.Context(), db, nil, 100)
		require.NoError(t, err)
		messages, err := r.messages(rows[:3])
		require.NoError(t, err)
		_, err = r.stream.Append(t.Context(), 0, messages)
		require.NoError(t, err)
		r.scanned = 3 // as if it had been compared already
		start(t, r)
		empty(t, r)
		verify(t, r, map[string]int{"s1": 5})
	})
}

func TestLargeBacklog(t *testing.T) {
	each(t, func(t *testing.T, db database.DB) {
		const n = 5000
		require.NoError(t, db.InTx(t.Context(), func(tx database.Tx) error {
			for i := 1; i <= n; i++ {
				if err := Publish(t.Context(), tx, "s1", rebranded("s1", i)); err != nil {
					return err
				}
			}
			return nil
		}))
		r := newRelay(db, brokertest.Embedded(t))
		began := time.Now()
		start(t, r)
		empty(t, r)
		t.Logf("%.0f messages a second", n/time.Since(began).Seconds())
		verify(t, r, map[string]int{"s1": n})
	})
}

func TestForeignModulesEventStopsTheRelayVisibly(t *testing.T) {
	db := databasetest.Open(t, database.SQLite, "baskets", nil)
	b := brokertest.Embedded(t)
	require.ErrorContains(t, newRelay(db, b).Run(t.Context()), "the relay of baskets was given the stream of stores")

	r := NewRelay(db, b.Stream("baskets"), slog.New(slog.DiscardHandler))
	r.patience = 0
	require.ErrorContains(t, r.Health(), "not running")
	start(t, r)
	put(t, db, "s1", 1, 1)
	require.Eventually(t, func() bool {
		err := r.Health()
		return err != nil && !strings.Contains(err.Error(), "not running")
	}, 5*time.Second, time.Millisecond)
	require.ErrorContains(t, r.Health(), "row 1 is a mallbots.stores.v1.StoreRebranded, which is not an event of baskets")
}

func TestPrune(t *testing.T) {
	each(t, func(t *testing.T, db database.DB) {
		r := newRelay(db, brokertest.Embedded(t))
		start(t, r)
		put(t, db, "s1", 1, 3)
		empty(t, r)
		deleted, err := r.pruned(t.Context())
		require.NoError(t, err)
		require.Zero(t, deleted, "they are young")
		r.retention = -time.Hour
		deleted, err = r.pruned(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 3, deleted)
	})
}

func TestDepth(t *testing.T) {
	each(t, func(t *testing.T, db database.DB) {
		r := newRelay(db, brokertest.Embedded(t))
		rows, oldest, err := r.Depth(t.Context())
		require.NoError(t, err)
		require.Zero(t, rows)
		require.Zero(t, oldest)
		put(t, db, "s1", 1, 2)
		rows, oldest, err = r.Depth(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 2, rows)
		require.Positive(t, oldest)
	})
}

var errNo = errors.New("no")
