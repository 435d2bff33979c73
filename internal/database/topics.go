package database

import "sync"

// topics wakes those in this process who wait for a commit. A wake-up says
// "look", not what there is to see: one that is still unread stands for all.
type topics struct {
	mu        sync.Mutex
	listeners map[string]map[chan struct{}]struct{}
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

func (t *topics) wake(topic string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for wake := range t.listeners[topic] {
		select {
		case wake <- struct{}{}:
		default: // it has not looked yet
		}
	}
}

// afterwards is what a transaction asked for once it has committed.
type afterwards struct {
	calls  []func()
	topics []string
}

// AfterCommit implements Tx.
func (a *afterwards) AfterCommit(f func()) { a.calls = append(a.calls, f) }

// Notify implements Tx.
func (a *afterwards) Notify(topic string) {
	for _, t := range a.topics {
		if t == topic {
			return
		}
	}
	a.topics = append(a.topics, topic)
}

// run wakes the listeners first: what is called may take its time.
func (a *afterwards) run(t *topics) {
	for _, topic := range a.topics {
		t.wake(topic)
	}
	for _, call := range a.calls {
		call()
	}
}
