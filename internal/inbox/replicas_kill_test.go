package inbox

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/broker"
	"mallbots/internal/database"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

// The environment of the test binary when it is one of two processes of a module.
const (
	replicaDatabase = "MALLBOTS_INBOX_REPLICA_DATABASE"
	replicaNATS     = "MALLBOTS_INBOX_REPLICA_NATS"
)

// timed is effects, and when each of them happened.
var timed = fstest.MapFS{
	"0001_effects.sql": effects["0001_effects.sql"],
	"0002_times.sql": {Data: []byte(`-- +goose Up
CREATE TABLE times (key TEXT NOT NULL, sequence BIGINT NOT NULL, at BIGINT NOT NULL);
`)},
}

// TestAReplicaThatIsLostDelaysItsKeysBriefly kills and pauses, under load, one of
// two processes: the one that deals out, and the other. No message may take more
// than 10 seconds, and one that wakes up must do no harm. While the machine is
// busy with other tests that time cannot be told, so the best of a few rounds
// counts.
func TestAReplicaThatIsLostDelaysItsKeysBriefly(t *testing.T) {
	if os.Getenv(replicaDatabase) != "" {
		serveReplica(t)
		return
	}
	for _, which := range []string{"dealer", "other"} {
		for name, signal := range map[string]syscall.Signal{"killed": syscall.SIGKILL, "paused": syscall.SIGSTOP} {
			t.Run(which+" "+name, func(t *testing.T) {
				t.Parallel()
				longest := loseReplica(t, which, signal)
				for again := 0; longest >= 10*time.Second && again < 2; again++ {
					longest = min(longest, loseReplica(t, which, signal))
				}
				require.Less(t, longest, 10*time.Second)
			})
		}
	}
}

// loseReplica returns how long the slowest message took.
func loseReplica(t *testing.T, which string, signal syscall.Signal) time.Duration {
	g := newTeam(t)
	db, err := database.Open(t.Context(), g.config, timed)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	b := newBench(t, db)
	seats := func() int64 {
		n, err := database.One(t.Context(), db, database.Value[int64], `SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
		require.NoError(t, err)
		return n
	}
	processes := map[string]*exec.Cmd{}
	for i, name := range []string{"dealer", "other"} { // who comes first deals out
		processes[name] = g.spawn()
		eventually(t, func() bool { return seats() == int64(i+1) })
	}

	names := even(1)
	producer := g.connect()
	publishedAt := map[string]time.Time{}
	sequence := int64(0)
	load := func(length time.Duration) {
		for end := time.Now().Add(length); time.Now().Before(end); {
			sequence++
			var messages []broker.Message
			for _, key := range names {
				messages = append(messages, price(key, sequence))
				publishedAt[fmt.Sprint(key, sequence)] = time.Now()
			}
			g.publish(producer, messages)
			<-time.After(400 * time.Millisecond)
		}
	}
	load(2 * time.Second)
	struck := time.Now()
	require.NoError(t, processes[which].Process.Signal(signal))
	load(6 * time.Second)
	if signal == syscall.SIGSTOP {
		load(4 * time.Second)
		require.NoError(t, processes[which].Process.Signal(syscall.SIGCONT))
		load(2 * time.Second)
	}
	for _, key := range names {
		eventually(t, func() bool { return b.gate(key) == gate{sequence, open} }, key)
		b.applied(key, sequence)
	}
	require.Empty(t, b.letters(""))

	var longest, before time.Duration
	_, err = database.All(t.Context(), db, func(row database.Row) (struct{}, error) {
		var key string
		var sequence, at int64
		err := row.Scan(&key, &sequence, &at)
		published := publishedAt[fmt.Sprint(key, sequence)]
		took := database.Time(at).Sub(published)
		if published.Before(struck.Add(-time.Second)) {
			before = max(before, took)
		}
		longest = max(longest, took)
		return struct{}{}, err
	}, `SELECT key, sequence, at FROM times`)
	require.NoError(t, err)
	t.Logf("%d messages; the slowest took %s before, and %s with one process lost", int(sequence)*len(names),
		before.Round(time.Millisecond), longest.Round(time.Millisecond))
	return longest
}

// spawn starts a process of the team.
func (g *team) spawn() *exec.Cmd {
	g.t.Helper()
	process := exec.Command(os.Args[0], "-test.run=^TestAReplicaThatIsLostDelaysItsKeysBriefly$")
	process.Env = append(os.Environ(), replicaDatabase+"="+g.config.URL, replicaNATS+"="+g.server.URL())
	process.Stderr = os.Stderr
	process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	ended := make(chan struct{})
	go func() { // the child dies with the thread that starts it
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := process.Start()
		started <- err
		if err == nil {
			_ = process.Wait()
		}
		close(ended)
	}()
	require.NoError(g.t, <-started)
	g.t.Cleanup(func() {
		_ = process.Process.Kill()
		<-ended
	})
	return process
}

// serveReplica consumes until it is killed.
func serveReplica(t *testing.T) {
	config := database.Config{Module: "test", URL: os.Getenv(replicaDatabase)}
	db, err := database.Open(t.Context(), config, timed)
	require.NoError(t, err)
	server, err := broker.Connect(t.Context(), os.Getenv(replicaNATS), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	b := newBench(t, db, Lanes(4))
	b.in.settings.gap = 10 * time.Second
	b.failing(func(ctx context.Context, tx database.Tx, e *storesv1.ProductPriceChanged) error {
		if err := slowly(ctx, tx, e); err != nil {
			return err
		}
		tx.Queue(database.Statement{
			SQL:  `INSERT INTO times (key, sequence, at) VALUES ($1, $2, $3)`,
			Args: []any{e.GetProductId(), e.GetPrice().GetMinorUnits(), database.Micros(time.Now())},
		})
		return nil
	})
	b.run(server)
	select {}
}
