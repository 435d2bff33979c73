package outbox

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/broker"
	"mallbots/internal/database"
)

// victim is the environment variable that makes the test binary one.
const victim = "MALLBOTS_OUTBOX_VICTIM"

// TestKill kills a process that publishes, again and again, and looks at what it
// left: all of it in the stream, once, in order.
func TestKill(t *testing.T) {
	if dir := os.Getenv(victim); dir != "" {
		live(t, dir)
		return
	}
	dir := t.TempDir()
	for range 6 {
		ready, announce, err := os.Pipe()
		require.NoError(t, err)
		process := exec.Command(os.Args[0], "-test.run=^TestKill$")
		process.Env = append(os.Environ(), victim+"="+dir)
		process.ExtraFiles = []*os.File{announce}
		process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		require.NoError(t, process.Start())
		require.NoError(t, announce.Close())
		_, err = ready.Read(make([]byte, 1))
		require.NoError(t, err, "the process ended before it published")
		<-time.After(time.Duration(rand.Int64N(int64(250 * time.Millisecond))))
		require.NoError(t, process.Process.Kill())
		require.Error(t, process.Wait())
		require.NoError(t, ready.Close())
	}
	db, b := world(t, dir)
	r := newRelay(db, b)
	stop := start(t, r)
	empty(t, r)
	stop()
	want := map[string]int{}
	for w := range 4 {
		key := fmt.Sprintf("key-%d", w)
		want[key] = int(committed(t, db, key))
		require.Positive(t, want[key])
	}
	t.Logf("after 6 kills: %v", want)
	verify(t, r, want)
}

// live publishes until it is killed.
func live(t *testing.T, dir string) {
	db, b := world(t, dir)
	start(t, newRelay(db, b))
	var begun sync.WaitGroup
	for w := range 4 {
		begun.Add(1)
		go func() {
			key := fmt.Sprintf("key-%d", w)
			first := int(committed(t, db, key)) + 1
			put(t, db, key, first, first)
			begun.Done()
			for n := first + 1; ; n++ {
				put(t, db, key, n, n)
			}
		}()
	}
	begun.Wait()
	_, err := os.NewFile(3, "ready").WriteString(".")
	require.NoError(t, err)
	select {}
}

func world(t *testing.T, dir string) (database.DB, *broker.Broker) {
	t.Helper()
	db, err := database.Open(t.Context(), database.Config{Module: "stores", Dir: dir}, nil)
	require.NoError(t, err)
	b, err := broker.Embedded(t.Context(), filepath.Join(dir, "nats"), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), long)
		defer cancel()
		require.NoError(t, b.Close(ctx))
		require.NoError(t, db.Close())
	})
	return db, b
}

// committed is how many messages of a key were ever committed.
func committed(t *testing.T, db database.DB, key string) int64 {
	t.Helper()
	n, err := database.One(t.Context(), db, database.Value[int64],
		`SELECT COALESCE(MAX(sequence), 0) FROM outbox_keys WHERE key = $1`, key)
	require.NoError(t, err)
	return n
}
