package database

import "time"

// Waiting is how many transactions wait for db's writer.
func Waiting(db DB) int { return len(db.(*sqlite).writer.queue) }

// SetClock sets this machine's clock wrong, until the test ends.
func SetClock(wrong time.Duration) (right func()) {
	now = func() time.Time { return time.Now().Add(wrong) }
	return func() { now = time.Now }
}
