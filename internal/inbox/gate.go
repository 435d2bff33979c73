package inbox

import (
	"context"
	"errors"
	"time"

	"mallbots/internal/database"
)

// state is what a key's gate lets through.
type state int64

// The states, as stored in inbox_keys.parked.
const (
	open      state = 0 // the next sequence
	parked    state = 1 // nothing: an operator has to decide about a dead letter
	gapped    state = 2 // only the sequence that is missing
	releasing state = 3 // held messages are being applied, in order
)

// What a message became, as stored in inbox.status.
const (
	statusApplied   = "applied"
	statusIgnored   = "ignored"
	statusParked    = "parked"
	statusDead      = "dead"
	statusDiscarded = "discarded"
	// A snapshot of its key made up for it.
	statusSuperseded = "superseded"
)

var (
	// errNotNext says that the gate did not let the message through.
	errNotNext = errors.New("inbox: not the next of its key")
	// errReused says that the message's id was seen under another key or sequence.
	errReused = errors.New("inbox: the id belongs to another message; ids are never used again")
)

// note queues the inbox row that says what became of m, which may have one.
func (c *consumer) note(tx database.Tx, m *message, status string) {
	tx.Queue(database.Statement{
		SQL: `INSERT INTO inbox (consumer, message_id, key, sequence, status, received_at) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (consumer, message_id) DO UPDATE SET status = excluded.status
			WHERE inbox.key = excluded.key AND inbox.sequence = excluded.sequence`,
		Args: []any{c.name, m.id, m.key, m.sequence, status, database.Micros(time.Now())},
		Rows: 1, Else: errReused,
	})
}

// gate is a key's row, locked until the end of the transaction.
type gate struct {
	sequence int64
	state    state
}

func scanGate(row database.Row) (g gate, err error) {
	err = row.Scan(&g.sequence, (*int64)(&g.state))
	return g, err
}

// gate reads a key's gate as it is now; ErrNoRows for a key that was never seen.
func (c *consumer) gate(ctx context.Context, key string) (gate, error) {
	return database.One(ctx, c.in.db, scanGate, `SELECT sequence, parked FROM inbox_keys WHERE consumer = $1 AND key = $2`, c.name, key)
}

// reaches says whether the gate lets a message through that is newer than what
// it has seen. Behind a gap, that is one which makes up for all that is missing:
// a snapshot, for a key that was never seen or that is parked because of the gap.
func (g gate) reaches(m *message) bool {
	return m.sequence == g.sequence+1 || m.snapshot && (g.sequence == 0 || g.state == gapped)
}

// supersede queues the end of what waits behind the gap that a snapshot closes.
func (c *consumer) supersede(tx database.Tx, m *message) {
	tx.Queue(database.Statement{
		SQL: `UPDATE inbox SET status = $4 WHERE consumer = $1 AND message_id IN (SELECT message_id FROM dead_letters
			WHERE consumer = $1 AND key = $2 AND sequence < $3 AND cause IN ('gap', 'held'))`,
		Args: []any{c.name, m.key, m.sequence, statusSuperseded},
	})
	tx.Queue(database.Statement{
		SQL:  `DELETE FROM dead_letters WHERE consumer = $1 AND key = $2 AND sequence < $3 AND cause IN ('gap', 'held')`,
		Args: []any{c.name, m.key, m.sequence},
	})
}

// lock makes every other writer of the key wait, and reads its gate. A key that
// was never seen is at 0 and open.
func (c *consumer) lock(ctx context.Context, tx database.Tx, key string) (gate, error) {
	return database.One(ctx, tx, scanGate, `INSERT INTO inbox_keys (consumer, key, sequence, parked) VALUES ($1, $2, 0, 0)
		ON CONFLICT (consumer, key) DO UPDATE SET parked = inbox_keys.parked
		RETURNING sequence, parked`, c.name, key)
}

// move queues the new position and state of a gate that lock has locked.
func (c *consumer) move(tx database.Tx, key string, g gate) {
	tx.Queue(database.Statement{
		SQL:  `UPDATE inbox_keys SET sequence = $3, parked = $4 WHERE consumer = $1 AND key = $2`,
		Args: []any{c.name, key, g.sequence, int64(g.state)}, Rows: 1, Else: errNotNext,
	})
	tx.Notify(topicMoved(c.name, key))
	if g.state == releasing {
		tx.Notify(topicRelease)
	}
}

// topicRelease wakes who applies held messages.
const topicRelease = "inbox-release"

// topicMoved wakes who awaits a key whose gate was moved by itself; lanes tell them more.
func topicMoved(consumer, key string) string { return "inbox/" + consumer + "/" + key }
