package inbox

import (
	"fmt"
	"strings"
	"time"

	"mallbots/internal/database"
)

// passAll queues the moves of the gates to messages, which fail the transaction
// unless each is the next of its key and the key is open. A key is first seen at
// 1, or at a snapshot.
func (c *consumer) passAll(tx database.Tx, batch []*message) {
	var firsts, late []*message
	seen := map[string]bool{}
	for _, m := range batch {
		switch first := m.sequence == 1 && !m.snapshot; {
		case first && seen[m.key]:
			late = append(late, m)
		case first:
			firsts = append(firsts, m)
		}
		seen[m.key] = true
	}
	c.passFirsts(tx, firsts)
	for _, m := range batch {
		switch {
		case m.snapshot:
			c.passSnapshot(tx, m)
		case m.sequence != 1:
			c.passNext(tx, m)
		}
	}
	c.passFirsts(tx, late) // which are refused: the first of a key comes first
}

// passSnapshot opens or moves the gate of a key that may have a gap.
func (c *consumer) passSnapshot(tx database.Tx, m *message) {
	tx.Queue(database.Statement{
		SQL: `INSERT INTO inbox_keys (consumer, key, sequence, parked) VALUES ($1, $2, $3, 0)
			ON CONFLICT (consumer, key) DO UPDATE SET sequence = excluded.sequence
			WHERE inbox_keys.parked = 0 AND inbox_keys.sequence IN (0, $4)`,
		Args: []any{c.name, m.key, m.sequence, m.sequence - 1}, Rows: 1, Else: errNotNext,
	})
}

// passFirsts opens the gates of different keys that were never seen. One that has
// a gate all the same goes by itself, see apply.
func (c *consumer) passFirsts(tx database.Tx, batch []*message) {
	for _, some := range inLists(batch) {
		args := []any{c.name}
		for _, m := range some.padded {
			args = append(args, m.key)
		}
		tx.Queue(database.Statement{SQL: some.texts.firsts, Args: args, Taken: errNotNext})
	}
}

// passNext moves the gate of a key that has been seen. About several of them
// PostgreSQL, as long as it knows little of the table, would read all of it.
func (c *consumer) passNext(tx database.Tx, m *message) {
	tx.Queue(database.Statement{
		SQL:  `UPDATE inbox_keys SET sequence = $3 WHERE consumer = $1 AND key = $2 AND sequence = $4 AND parked = 0`,
		Args: []any{c.name, m.key, m.sequence, m.sequence - 1}, Rows: 1, Else: errNotNext,
	})
}

// noteAll queues the inbox rows that say what became of messages which were not
// seen before.
func (c *consumer) noteAll(tx database.Tx, batch []*message, statuses []string) {
	now := database.Micros(time.Now())
	status := make(map[*message]string, len(batch))
	for i, m := range batch {
		status[m] = statuses[i]
	}
	for _, some := range inLists(batch) {
		args := []any{c.name, now}
		for _, m := range some.padded {
			args = append(args, m.id, m.key, m.sequence, status[m])
		}
		tx.Queue(database.Statement{SQL: some.texts.notes, Args: args, Taken: errReused})
	}
}

// list is messages for one statement. The last is repeated until there are as
// many as the statement takes.
type list struct {
	padded []*message
	texts  texts
}

// inLists deals a batch out to statements.
func inLists(batch []*message) []list {
	var lists []list
	for len(batch) > 0 {
		some := batch[:min(len(batch), together)]
		batch = batch[len(some):]
		l := list{padded: some}
		for _, l.texts = range lengths {
			if l.texts.length >= len(some) {
				break
			}
		}
		for len(l.padded) < l.texts.length {
			l.padded = append(l.padded[:len(l.padded):len(l.padded)], some[len(some)-1])
		}
		lists = append(lists, l)
	}
	return lists
}

// texts are the statements about so many messages. There are few lengths, so
// that each is prepared once.
type texts struct {
	length        int
	firsts, notes string
}

var lengths = []texts{
	{length: 1, firsts: openGates + `VALUES ($1, $2, 1, 0)`, notes: addNotes + `VALUES ($1, $3, $4, $5, $6, $2)`},
	textsOf(4), textsOf(16), textsOf(together),
}

const (
	openGates = `INSERT INTO inbox_keys (consumer, key, sequence, parked) `
	addNotes  = `INSERT INTO inbox (consumer, message_id, key, sequence, status, received_at) `
)

// textsOf writes the statements about length messages, of which some may be
// repetitions.
func textsOf(length int) texts {
	var keys, rows []string
	for i := range length {
		keys = append(keys, fmt.Sprintf("(CAST($%d AS TEXT))", i+2))
		rows = append(rows, fmt.Sprintf("(CAST($%d AS TEXT), CAST($%d AS TEXT), CAST($%d AS BIGINT), CAST($%d AS TEXT))", 4*i+3, 4*i+4, 4*i+5, 4*i+6))
	}
	return texts{
		length: length,
		firsts: openGates + `SELECT DISTINCT CAST($1 AS TEXT), column1, 1, 0 FROM (VALUES ` + strings.Join(keys, ", ") + `) AS new`,
		notes: addNotes + `SELECT DISTINCT CAST($1 AS TEXT), column1, column2, column3, column4, CAST($2 AS BIGINT)
			FROM (VALUES ` + strings.Join(rows, ", ") + `) AS new`,
	}
}
