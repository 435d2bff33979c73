package broker

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// health is what is wrong at the moment, by part.
type health struct {
	mu       sync.Mutex
	problems map[string]error
	waiting  map[string]string
	since    time.Time // since when nothing is wrong; zero while something is
}

func newHealth() *health {
	return &health{problems: map[string]error{}, waiting: map[string]string{}, since: time.Now()}
}

// set says how a part is; nil means well.
func (h *health) set(part string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err != nil {
		h.problems[part] = err
		h.since = time.Time{}
		return
	}
	delete(h.problems, part)
	if len(h.problems) == 0 && h.since.IsZero() {
		h.since = time.Now()
	}
}

// wait says what a part is waiting for; the empty string means nothing.
func (h *health) wait(part, what string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.waiting, part)
	if what != "" {
		h.waiting[part] = what
	}
}

// Health is nil when the connection, the embedded server and every consumer
// are well. Otherwise the error names each part that is not, and why. A
// consumer of a stream that never existed is not ill, but waiting: see Waiting.
func (b *Broker) Health() error {
	b.examine()
	b.health.mu.Lock()
	defer b.health.mu.Unlock()
	var all []error
	for _, part := range slices.Sorted(maps.Keys(b.health.problems)) {
		all = append(all, fmt.Errorf("broker: %s: %w", part, b.health.problems[part]))
	}
	return errors.Join(all...)
}

// HealthySince is when the broker was last seen to become well, and zero while
// it is not. Who measures the patience of others subtracts from it.
func (b *Broker) HealthySince() time.Time {
	b.health.mu.Lock()
	defer b.health.mu.Unlock()
	return b.health.since
}

// Waiting names the consumers whose source has no stream yet, because its
// module never ran against this broker.
func (b *Broker) Waiting() []string {
	b.health.mu.Lock()
	defer b.health.mu.Unlock()
	var all []string
	for _, part := range slices.Sorted(maps.Keys(b.health.waiting)) {
		all = append(all, part+": "+b.health.waiting[part])
	}
	return all
}

// examine asks the embedded server how it is. It looks at every stream: one
// that could not write is broken until the server restarts.
func (b *Broker) examine() {
	if b.server != nil {
		b.health.set("server", b.embedded.healthy())
	}
}
