package outbox

import (
	"context"
	"sync"
	"time"

	"mallbots/internal/database"
	"mallbots/internal/failpoint"
	"mallbots/internal/sabotage"
)

const (
	// gather is how long sent rows may wait for company. They share a commit
	// then, and nobody waits for it: were the process to die meanwhile, the end
	// of the stream tells the next one that they were sent.
	gather = 50 * time.Millisecond
	// most is how many rows may be sent and still in the outbox before the
	// relay waits for them to leave.
	most = 1000
)

// mover takes sent rows out of the outbox while the relay goes on publishing.
// All of it but loop belongs to the relay's goroutine.
type mover struct {
	relay  *Relay
	taken  int64          // the last row, for whoever thinks that a cursor would do
	sent   map[int64]bool // rows that are sent and may still be in the outbox
	jobs   chan run
	moved  chan struct{} // receives after each commit
	failed chan error    // the one failure that ends it
	done   chan struct{}

	mu   sync.Mutex
	gone []int64 // rows that have left since the relay last looked
}

func (r *Relay) newMover(ctx context.Context) *mover {
	m := r.blankMover(16)
	go m.loop(ctx, r.epoch)
	return m
}

// blankMover is a mover at rest, with room for so many jobs.
func (r *Relay) blankMover(jobs int) *mover {
	return &mover{
		relay: r, sent: map[int64]bool{}, jobs: make(chan run, jobs),
		moved: make(chan struct{}, 1), failed: make(chan error, 1), done: make(chan struct{}),
	}
}

// next reads the first rows that are not sent yet, at most limit.
func (m *mover) next(ctx context.Context, limit int) ([]row, error) {
	m.forget()
	for len(m.sent) > most {
		select {
		case <-m.moved:
			m.forget()
		case err := <-m.failed:
			return nil, err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	rows, err := waiting(ctx, m.relay.db, m.sent, limit)
	if err == nil && database.Incarnation(m.relay.db) != m.relay.incarnation {
		return nil, errRestored
	}
	if sabotage.Enabled {
		rows = m.sabotaged(rows)
	}
	return rows, err
}

// forget drops the rows that have left. It comes before a read, never after: a
// row can have been read just before it left.
func (m *mover) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range m.gone {
		delete(m.sent, id)
	}
	m.gone = m.gone[:0]
}

// move hands over rows that the stream holds from the sequence first on.
func (m *mover) move(rows []row, first uint64) {
	ids := make([]int64, len(rows))
	for i, row := range rows {
		ids[i] = row.id
		m.sent[row.id] = true
	}
	m.jobs <- run{ids: ids, first: first}
}

// close moves what is left, and ends.
func (m *mover) close() {
	close(m.jobs)
	<-m.done
}

func (m *mover) loop(ctx context.Context, epoch string) {
	defer close(m.done)
	for job := range m.jobs {
		runs := m.company(job)
		if err := m.commit(ctx, epoch, runs); err != nil {
			m.failed <- err
			for range m.jobs { // the stream's end will tell
			}
			return
		}
		select {
		case m.moved <- struct{}{}:
		default:
		}
	}
}

// commit takes rows out of the outbox.
func (m *mover) commit(ctx context.Context, epoch string, runs []run) error {
	ctx, cancel := context.WithTimeout(ctx, finish)
	defer cancel()
	if err := move(ctx, m.relay.db, m.relay.incarnation, epoch, runs); err != nil {
		return err
	}
	failpoint.Here("relay.moved")
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range runs {
		m.gone = append(m.gone, r.ids...)
	}
	return nil
}

// company collects what else is sent within a moment.
func (m *mover) company(first run) []run {
	runs := []run{first}
	wait := time.NewTimer(gather)
	defer wait.Stop()
	for count := len(first.ids); count < most/2; {
		select {
		case job, open := <-m.jobs:
			if !open {
				return runs
			}
			runs = join(runs, job)
			count += len(job.ids)
		case <-wait.C:
			return runs
		}
	}
	return runs
}
