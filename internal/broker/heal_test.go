package broker

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// well waits until b has been ill since some time, and is well again.
func well(t *testing.T, b *Broker, since time.Time) {
	t.Helper()
	require.Eventually(t, func() bool { return b.Health() == nil && b.HealthySince().After(since) }, patience, time.Millisecond)
}

func TestAConnectionThatIsClosedForGoodIsReplaced(t *testing.T) {
	each(t, func(t *testing.T, b *Broker) {
		s := ensured(t, b, "baskets")
		last, err := s.Append(t.Context(), 0, some("a", 1))
		require.NoError(t, err)
		arrived := collect(t, b, "ordering", "baskets")
		next(t, arrived, patience)

		quickly(t, 5*time.Second, func() time.Duration {
			closed := time.Now()
			b.conn().Close()
			well(t, b, closed)
			messages := some("b", 1)
			last, err = s.Append(t.Context(), last, messages)
			require.NoError(t, err)
			for next(t, arrived, patience).ID != messages[0].ID {
				continue // an acknowledgement was lost
			}
			return time.Since(closed)
		})
	})
}

func TestAnEmbeddedServerThatStoppedIsStartedAgain(t *testing.T) {
	b := embedded(t)
	s := ensured(t, b, "baskets")
	last, err := s.Append(t.Context(), 0, some("a", 3))
	require.NoError(t, err)
	arrived := collect(t, b, "ordering", "baskets")
	for range 3 {
		next(t, arrived, patience)
	}
	stopped := time.Now()
	b.embedded.server.Shutdown()
	well(t, b, stopped)
	messages := some("b", 1)
	_, err = s.Append(t.Context(), last, messages)
	require.NoError(t, err)
	for next(t, arrived, patience).ID != messages[0].ID {
		continue // an acknowledgement was lost
	}
}

// TestADiskThatWasFull fills a small file system below the store, and frees it.
func TestADiskThatWasFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=48m"); err != nil {
		t.Skip("NOT RUN: a file system of its own needs the right to mount: ", err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	b, err := Embedded(t.Context(), filepath.Join(dir, "nats"), quiet())
	require.NoError(t, err)
	t.Cleanup(func() { closeBroker(t, b) })
	s := ensured(t, connected(t, b), "baskets")
	arrived := collect(t, b, "ordering", "baskets")
	stored := map[string]bool{}
	last := uint64(0)
	ballast := filepath.Join(dir, "ballast")
	var free syscall.Statfs_t
	require.NoError(t, syscall.Statfs(dir, &free))
	require.NoError(t, os.WriteFile(ballast, make([]byte, int64(free.Bavail)*free.Bsize-(1<<20)), 0o600))
	for {
		messages := some("a", 1)
		messages[0].Data = make([]byte, 100<<10)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		n, err := s.Append(ctx, last, messages)
		cancel()
		if err != nil {
			break
		}
		last, stored[messages[0].ID] = n, true
	}
	require.Eventually(t, func() bool { return b.Health() != nil }, patience, 10*time.Millisecond)

	require.NoError(t, os.Remove(ballast))
	freed := time.Now()
	connected(t, b)
	t.Logf("%d stored before the disk was full; well again %s after it was freed", len(stored), time.Since(freed).Round(time.Millisecond))
	require.Eventually(t, func() bool { // the unanswered one may be there
		if last, err = s.Last(t.Context()); err != nil {
			return false
		}
		_, err = s.Append(t.Context(), last, some("b", 1))
		return err == nil
	}, patience, 10*time.Millisecond)
	for len(stored) > 0 {
		delete(stored, next(t, arrived, patience).ID)
	}
	require.NoDirExists(t, filepath.Join(dir, "nats", "quarantine"), "a full disk is no damage")
}
