package outbox

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"mallbots/internal/broker"
	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

// long is how long a test waits for what must come, however busy the machine is.
const long = 30 * time.Second

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
	}, long, 2*time.Millisecond)
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
