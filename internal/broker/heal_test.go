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

func TestAConnectionThatIsClosedForGoodIsReplaced(t *testing.T) {
	each(t, func(t *testing.T, b *Broker) {
		s := ensured(t, b, "baskets")
		last, err := s.Append(t.Context(), 0, some("a", 1))
		require.NoError(t, err)
		arrived := collect(t, b, "ordering", "baskets")
		next(t, arrived, time.Second)

		b.conn().Close()
		closed := time.Now()
		require.Eventually(t, func() bool { return b.Health() != nil }, time.Second, time.Millisecond)
		require.Eventually(t, func() bool { return b.Health() == nil }, 5*time.Second, time.Millisecond)
		messages := some("b", 1)
		_, err = s.Append(t.Context(), last, messages)
		require.NoError(t, err)
		for next(t, arrived, 5*time.Second).ID != messages[0].ID {
			continue // an acknowledgement was lost
		}
		require.Less(t, time.Since(closed), 5*time.Second)
	})
}

func TestAnEmbeddedServerThatStoppedIsStartedAgain(t *testing.T) {
	b := embedded(t)
	s := ensured(t, b, "baskets")
	last, err := s.Append(t.Context(), 0, some("a", 3))
	require.NoError(t, err)
	arrived := collect(t, b, "ordering", "baskets")
	for range 3 {
		next(t, arrived, time.Second)
	}
	b.embedded.server.Shutdown()
	require.Eventually(t, func() bool { return b.Health() != nil }, 2*time.Second, time.Millisecond)
	require.Eventually(t, func() bool { return b.Health() == nil }, 10*time.Second, time.Millisecond)
	messages := some("b", 1)
	_, err = s.Append(t.Context(), last, messages)
	require.NoError(t, err)
	for next(t, arrived, 5*time.Second).ID != messages[0].ID {
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
	s := ensured(t, b, "baskets")
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
	require.Eventually(t, func() bool { return b.Health() != nil }, 5*time.Second, 10*time.Millisecond)

	require.NoError(t, os.Remove(ballast))
	freed := time.Now()
	require.Eventually(t, func() bool { return b.Health() == nil }, 5*time.Second, 10*time.Millisecond)
	t.Logf("%d stored before the disk was full; well again %s after it was freed", len(stored), time.Since(freed).Round(time.Millisecond))
	require.Eventually(t, func() bool { // the unanswered one may be there
		if last, err = s.Last(t.Context()); err != nil {
			return false
		}
		_, err = s.Append(t.Context(), last, some("b", 1))
		return err == nil
	}, 5*time.Second, 10*time.Millisecond)
	for len(stored) > 0 {
		delete(stored, next(t, arrived, 10*time.Second).ID)
	}
	require.NoDirExists(t, filepath.Join(dir, "nats", "quarantine"), "a full disk is no damage")
}
