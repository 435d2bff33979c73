package host

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// lockData takes the data directory for this process. Neither SQLite's group
// commit nor the embedded broker survives two owners, and the broker does not
// notice a second one by itself. The lock goes with the process.
func lockData(dir string) (release func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data directory %s: %w", dir, err)
	}
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data directory %s: %w", dir, err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder, _ := io.ReadAll(io.LimitReader(file, 32))
		closeErr := file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.Join(fmt.Errorf("data directory %s is held by process %s: stop that process, or choose another directory with --data",
				dir, strings.TrimSpace(string(holder))), closeErr)
		}
		return nil, errors.Join(fmt.Errorf("lock data directory %s: %w", dir, err), closeErr)
	}
	if err := file.Truncate(0); err != nil {
		return nil, errors.Join(fmt.Errorf("data directory %s: %w", dir, err), file.Close())
	}
	if _, err := fmt.Fprintf(file, "%d\n", os.Getpid()); err != nil {
		return nil, errors.Join(fmt.Errorf("data directory %s: %w", dir, err), file.Close())
	}
	return func() { _ = file.Close() }, nil // closing gives the lock back
}
