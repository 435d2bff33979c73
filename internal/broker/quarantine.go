package broker

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// quarantines is how many damaged stores are kept; older ones make room.
const quarantines = 3

// marker is a file that is there while the server runs, and after a stop that
// was not clean.
func (e *localServer) marker() string { return filepath.Join(e.dir, "running") }

func (e *localServer) unclean() bool {
	_, err := os.Stat(e.marker())
	return err == nil
}

// mark notes that the server runs. The disk must have it before the server
// writes, or a loss of power would look like a clean stop.
func (e *localServer) mark() error {
	file, err := os.OpenFile(e.marker(), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("broker: %w", err)
	}
	return errors.Join(file.Close(), syncDir(e.dir))
}

// unmark notes a clean stop.
func (e *localServer) unmark() error {
	if err := os.Remove(e.marker()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("broker: %w", err)
	}
	return nil
}

// quarantine moves the store out of the way, for somebody to look at or delete.
func (e *localServer) quarantine(reason error) error {
	store := filepath.Join(e.dir, "jetstream")
	if _, err := os.Stat(store); errors.Is(err, os.ErrNotExist) {
		return nil // there is nothing that could be damaged
	}
	wing := filepath.Join(e.dir, "quarantine")
	cell := filepath.Join(wing, time.Now().UTC().Format("20060102T150405.000000Z"))
	if err := os.MkdirAll(cell, 0o700); err != nil {
		return fmt.Errorf("broker: quarantine: %w", err)
	}
	if err := os.Rename(store, filepath.Join(cell, "jetstream")); err != nil {
		return fmt.Errorf("broker: quarantine: %w", err)
	}
	e.log.Error("broker: the store is damaged; it was moved away, and is filled again from the databases", "to", cell, "reason", reason)
	old, err := os.ReadDir(wing)
	if err != nil {
		return fmt.Errorf("broker: quarantine: %w", err)
	}
	slices.SortFunc(old, func(a, b os.DirEntry) int { // newest first
		if a.Name() > b.Name() {
			return -1
		}
		return 1
	})
	for i, entry := range old {
		if i >= quarantines {
			err = errors.Join(err, os.RemoveAll(filepath.Join(wing, entry.Name())))
		}
	}
	return errors.Join(err, syncDir(e.dir))
}

// syncDir makes the names in a directory last.
func syncDir(dir string) error {
	file, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
