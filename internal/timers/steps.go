package timers

import (
	"context"
	"time"
)

// Chance replaces the dice: it returns up to limit. It is for a simulator.
func Chance(roll func(limit time.Duration) time.Duration) Option {
	return func(t *Timers) { t.chance = roll }
}

// Step does what Run does, once and in the caller's goroutine: it fires what is
// due, one after the other, and returns how long nothing will be due, unless
// something is set. It is for a simulator; use it or Run.
func (t *Timers) Step(ctx context.Context) time.Duration {
	t.mu.Lock()
	t.running, t.hands = true, 1
	t.mu.Unlock()
	return t.round(ctx)
}
