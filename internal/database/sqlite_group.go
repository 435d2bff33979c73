package database

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"mallbots/internal/failpoint"
	"mallbots/internal/sabotage"
)

// Group commit. A commit costs one fsync however much it holds, so the
// transactions that wait while one is being written share the next: each runs
// behind a savepoint of its own, then one COMMIT answers them all. One that is
// alone never waits for company; where many write, a commit waits for a few
// more of them, as commit_delay and commit_siblings have it in PostgreSQL.

const (
	groupMembers = 128                  // transactions in one commit, at most
	groupTime    = 5 * time.Millisecond // of work before the commit, about
	groupWait    = 4 * time.Millisecond // for company, from the group's beginning
	groupMany    = 3                    // members of the group before, from which on it waits
)

// errUnfinished is the outcome of a member that panicked.
var errUnfinished = errors.New("database: the transaction's function did not return")

// errGroup: it was not this member's fault, or it may not have been.
var errGroup = errors.New("the commit shared with other transactions failed")

// member is one transaction in the queue. Its function runs in its caller's
// goroutine, while the writer waits.
type member struct {
	taken  atomic.Bool // by the writer, or by its caller who gave up
	turn   chan error  // now it may write, or never may
	ended  chan error  // it is done, and how
	result chan error  // committed, or why not
}

// InTx implements DB.
func (d *sqlite) InTx(ctx context.Context, f func(tx Tx) error) error {
	tx := &sqliteTx{writer: d.writer}
	if err := d.writer.join(ctx, tx, f); err != nil {
		return err
	}
	if sabotage.Enabled && len(tx.outside) > 0 {
		late := &sqliteTx{writer: d.writer, late: true, queued: tx.outside}
		_ = d.writer.join(ctx, late, func(Tx) error { return nil })
	}
	tx.afterwards.run(&d.topics)
	return nil
}

// join queues up, runs f when its turn has come, and waits for the commit.
func (w *writer) join(ctx context.Context, tx *sqliteTx, f func(tx Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m := &member{turn: make(chan error, 1), ended: make(chan error, 1), result: make(chan error, 1)}
	select {
	case w.queue <- m:
	case <-ctx.Done():
		return ctx.Err()
	case <-w.closing:
		return ErrClosed
	}
	select {
	case err := <-m.turn:
		if err != nil {
			return err
		}
	case <-ctx.Done():
		if m.taken.CompareAndSwap(false, true) {
			return ctx.Err()
		}
		if err := <-m.turn; err != nil {
			return err
		}
	case <-w.closed:
		return ErrClosed
	}
	outcome := errUnfinished
	defer func() {
		if errors.Is(outcome, errUnfinished) { // f panics, or ended its goroutine
			_ = tx.end(outcome)
			m.ended <- outcome
			outcome = <-m.result // nobody hears it: the panic goes on
		}
	}()
	outcome = tx.end(tx.perform(ctx, f))
	m.ended <- outcome
	return <-m.result
}

func (w *writer) run() {
	defer close(w.closed)
	for {
		select {
		case m := <-w.queue:
			w.group(m)
		case <-w.closing:
			return
		}
	}
}

// group commits first and whoever waits by then.
func (w *writer) group(first *member) {
	var members []*member
	var outcomes []error
	var lost error // why nothing of this group can be committed
	culprit := -1  // whose fault that is
	start := time.Now()
	for m := first; m != nil; m = w.next(len(members), start) {
		if !m.taken.CompareAndSwap(false, true) {
			continue
		}
		var outcome error
		outcome, lost = w.member(m, len(members) == 0)
		members, outcomes = append(members, m), append(outcomes, outcome)
		if lost != nil && outcome != nil {
			culprit = len(members) - 1
		}
		if lost != nil || len(members) == 1 && outcome != nil {
			break // nothing is left that another could join
		}
	}
	if lost == nil && len(members) > 0 && (len(members) > 1 || outcomes[0] == nil) {
		failpoint.Here("commit.before")
		lost = w.exec("COMMIT")
		failpoint.Here("commit.after")
	}
	if lost != nil {
		_ = w.exec("ROLLBACK") // SQLite may have done it already
	}
	w.many = len(members) >= groupMany
	for i, m := range members {
		switch {
		case lost == nil, i == culprit:
			m.result <- outcomes[i]
		case len(members) == 1:
			m.result <- fmt.Errorf("database: not committed: %w", lost)
		default: // even an error of its own may come of what is gone now
			m.result <- fmt.Errorf("database: %w: %w", errGroup, lost)
		}
	}
}

// next is another member: one that waits, or where many write, one that comes
// within a moment. There is none when the group is full.
func (w *writer) next(members int, start time.Time) *member {
	if members >= groupMembers || time.Since(start) > groupTime {
		return nil
	}
	select {
	case m := <-w.queue:
		return m
	default:
	}
	if !w.many {
		return nil
	}
	enough := time.NewTimer(groupWait - time.Since(start))
	defer enough.Stop()
	select {
	case m := <-w.queue:
		return m
	case <-enough.C:
		return nil
	}
}

// member gives m its turn. The first needs no savepoint: to undo it is to undo
// everything. Its outcome is its own; what is lost is lost for the whole group.
func (w *writer) member(m *member, first bool) (outcome, lost error) {
	if first {
		lost = w.exec("BEGIN IMMEDIATE")
	} else {
		lost = w.exec("SAVEPOINT member")
	}
	if lost != nil {
		m.turn <- fmt.Errorf("database: no transaction: %w", lost)
		return lost, lost
	}
	m.turn <- nil
	outcome = <-m.ended
	switch {
	case outcome == nil && first:
	case outcome == nil:
		lost = w.exec("RELEASE member")
	case first:
		_ = w.exec("ROLLBACK") // SQLite may have done it already
	default:
		// When SQLite has rolled back everything because of this member (the disk
		// is full, an I/O error), its savepoint is gone and the group is lost.
		if err := w.exec("ROLLBACK TO member"); err != nil {
			return outcome, errors.Join(outcome, err)
		}
		lost = w.exec("RELEASE member")
	}
	return outcome, lost
}
