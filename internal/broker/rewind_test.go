package broker

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// consumerFiles is where an embedded server below dir keeps a consumer of baskets.
func consumerFiles(dir, durable string) string {
	return filepath.Join(dir, "jetstream", "$G", "streams", "MALLBOTS_BASKETS", "obs", durable)
}

// acknowledgedUntil waits until a consumer has acknowledged all up to a sequence.
func acknowledgedUntil(t *testing.T, b *Broker, durable string, sequence uint64) {
	t.Helper()
	require.Eventually(t, func() bool {
		floor, err := b.Floor(t.Context(), durable, "baskets")
		return err == nil && floor.Acknowledged == sequence
	}, patience, 5*time.Millisecond)
}

// ballast makes files take their time to be removed.
func ballast(t *testing.T, dir string) {
	t.Helper()
	for i := range 5_000 {
		require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprint("ballast", i)), nil, 0o600))
	}
}

// The server tells a subscription that its consumer is deleted before it has
// removed the files. Whoever creates the consumer in between takes over how far
// the old one was, and then loses the files.
func TestARewindIsNotUndoneByTheSubscription(t *testing.T) {
	dir := t.TempDir()
	b := embeddedIn(t, dir)
	s := ensured(t, b, "baskets")
	_, err := s.Append(t.Context(), 0, some("a", 30))
	require.NoError(t, err)
	arrived := collect(t, b, "ordering", "baskets")
	for range 30 {
		next(t, arrived, patience)
	}
	for range 2 {
		acknowledgedUntil(t, b, "ordering", 30)
		ballast(t, consumerFiles(dir, "ordering"))
		require.NoError(t, b.Rewind(t.Context(), "ordering", "baskets", 11))
		for sequence := uint64(11); sequence <= 30; sequence++ {
			require.Equal(t, sequence, next(t, arrived, patience).Sequence)
		}
	}
	connected(t, b)
}

// Whoever else deletes the consumer, it begins anew, however long that takes.
func TestAConsumerThatIsDeletedSlowlyBeginsAnew(t *testing.T) {
	dir := t.TempDir()
	b := embeddedIn(t, dir)
	s := ensured(t, b, "baskets")
	_, err := s.Append(t.Context(), 0, some("a", 3))
	require.NoError(t, err)
	arrived := collect(t, b, "ordering", "baskets")
	for range 3 {
		next(t, arrived, patience)
	}
	acknowledgedUntil(t, b, "ordering", 3)
	ballast(t, consumerFiles(dir, "ordering"))
	require.NoError(t, b.js().DeleteConsumer(t.Context(), s.Name(), "ordering"))
	for sequence := uint64(1); sequence <= 3; sequence++ {
		require.Equal(t, sequence, next(t, arrived, patience).Sequence)
	}
}

// A consumer whose files are gone is made anew, and hears everything again.
func TestAConsumerWithoutFilesIsMadeAnew(t *testing.T) {
	dir := t.TempDir()
	b := embeddedIn(t, dir)
	s := ensured(t, b, "baskets")
	last, err := s.Append(t.Context(), 0, some("a", 3))
	require.NoError(t, err)
	t.Run("before", func(t *testing.T) {
		arrived := collect(t, b, "ordering", "baskets")
		for range 3 {
			next(t, arrived, patience)
		}
	})
	require.Eventually(t, func() bool { // the server may be writing there
		return os.RemoveAll(consumerFiles(dir, "ordering")) == nil
	}, patience, 5*time.Millisecond)
	_, err = s.Append(t.Context(), last, some("b", 1))
	require.NoError(t, err)
	arrived := collect(t, b, "ordering", "baskets")
	for sequence := uint64(1); sequence <= 4; sequence++ {
		require.Equal(t, sequence, next(t, arrived, patience).Sequence)
	}
	connected(t, b)
	require.DirExists(t, consumerFiles(dir, "ordering"))
}
