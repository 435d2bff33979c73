package database

import (
	"slices"
	"sync"
)

// topics wakes those in this process who wait for a commit. A wake-up says
// "look", not what there is to see: one that is still unread stands for all.
type topics struct {
	mu        sync.Mutex
	listeners map[string]map[chan struct{}]struct{}
	elsewhere func(topic string) // tells the other processes; nil when there can be none
}

// Listen implements DB.
func (t *topics) Listen(topic string) (<-chan struct{}, func()) {
	wake := make(chan struct{}, 1)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.listeners == nil {
		t.listeners = map[string]map[chan struct{}]struct{}{}
	}
	if t.listeners[topic] == nil {
		t.listeners[topic] = map[chan struct{}]struct{}{}
	}
	t.listeners[topic][wake] = struct{}{}
	return wake, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.listeners[topic], wake)
		if len(t.listeners[topic]) == 0 {
			delete(t.listeners, topic) // there may be a topic for each order
		}
	}
}

// wake reports whether anybody in this process listens.
func (t *topics) wake(topic string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for wake := range t.listeners[topic] {
		select {
		case wake <- struct{}{}:
		default: // it has not looked yet
		}
	}
	return len(t.listeners[topic]) > 0
}

// reach is how far a notification goes.
type reach int

const (
	here     reach = iota // listeners in this process
	someone               // those, or else listeners in other processes
	everyone              // listeners in all processes
)

// notice is a topic to notify.
type notice struct {
	topic string
	reach reach
}

// afterwards is what a transaction asked for once it has committed.
type afterwards struct {
	calls   []func()
	notices []notice
}

// AfterCommit implements Tx.
func (a *afterwards) AfterCommit(f func()) { a.calls = append(a.calls, f) }

// Notify implements Tx.
func (a *afterwards) Notify(topic string) { a.note(notice{topic, here}) }

// NotifyOne implements Tx.
func (a *afterwards) NotifyOne(topic string) { a.note(notice{topic, someone}) }

// NotifyAll implements Tx.
func (a *afterwards) NotifyAll(topic string) { a.note(notice{topic, everyone}) }

func (a *afterwards) note(n notice) {
	if !slices.Contains(a.notices, n) {
		a.notices = append(a.notices, n)
	}
}

// run wakes the listeners first: what is called may take its time.
func (a *afterwards) run(t *topics) {
	for _, n := range a.notices {
		listened := t.wake(n.topic)
		if t.elsewhere != nil && (n.reach == everyone || n.reach == someone && !listened) {
			t.elsewhere(n.topic)
		}
	}
	for _, call := range a.calls {
		call()
	}
}
