package database

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

// breath is the least time between two notifications of other processes. What
// is committed meanwhile goes with the next.
const breath = 5 * time.Millisecond

// words are the topics that wait to be told to the other processes.
//
// They are told after the commit, in a transaction that does nothing else: a
// commit that has something to NOTIFY holds a lock of the whole server until the
// disk has it, so that all such commits would wait for each other (ADR 0028).
// Nobody relies on them: who listens looks by itself now and then.
type words struct {
	mu      sync.Mutex
	waiting map[string]bool
	wake    chan struct{}
}

// say has a topic told to the other processes of the crew, if there are any.
func (d *postgres) say(topic string) {
	if len(d.attendance().Members) < 2 {
		return
	}
	w := &d.words
	w.mu.Lock()
	w.waiting[topic] = true
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// take returns what waits.
func (w *words) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	topics := make([]string, 0, len(w.waiting))
	for topic := range w.waiting {
		topics = append(topics, topic)
	}
	clear(w.waiting)
	return topics
}

// spread tells the others what waits, until ctx ends.
func (d *postgres) spread(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.words.wake:
		}
		_ = d.tell(ctx, d.attendance().Self, d.words.take()...) // else they find out by themselves
		select {
		case <-ctx.Done():
			return
		case <-time.After(breath):
		}
	}
}

// channel is where the processes of this module's crew hear each other.
func (d *postgres) channel() string { return "mallbots_" + d.module }

// tell notifies the other processes.
func (d *postgres) tell(ctx context.Context, self int64, topics ...string) error {
	ctx, cancel := context.WithTimeout(ctx, leadProof)
	defer cancel()
	_, err := d.pool.Exec(ctx, `SELECT pg_notify($1, $2 || topic) FROM unnest($3::text[]) AS topic`,
		d.channel(), strconv.FormatInt(self, 10)+" ", topics)
	if err != nil {
		return fmt.Errorf("database: %s: notify: %w", d.module, err)
	}
	return nil
}

// hear wakes those who listen to what another process has told. It reports
// whether that is about the crew.
func (d *postgres) hear(self int64, payload string) bool {
	from, topic, _ := strings.Cut(payload, " ")
	if from == strconv.FormatInt(self, 10) {
		return false
	}
	if topic == TopicCrew {
		return true
	}
	d.wake(topic)
	return false
}
