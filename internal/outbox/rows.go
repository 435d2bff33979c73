package outbox

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"mallbots/internal/broker"
	"mallbots/internal/database"
	"mallbots/internal/failpoint"
)

// row is one message that is not yet known to be in the stream.
type row struct {
	id        int64
	messageID string
	key       string
	sequence  int64
	subject   string
	headers   string
	payload   []byte
}

func scanRow(from database.Row) (row, error) {
	var r row
	err := from.Scan(&r.id, &r.messageID, &r.key, &r.sequence, &r.subject, &r.headers, &r.payload)
	return r, err
}

// waiting reads the first rows but those in sent, in the order of their ids and
// beginning with the lowest there is: a transaction that took its ids early and
// committed late is not passed over, as it would be by "id greater than the
// last one". The limit is part of the text: SQLite compiles a statement anew
// each time that a parameter of LIMIT is bound.
func waiting(ctx context.Context, db database.Querier, sent map[int64]bool, limit int) ([]row, error) {
	if len(sent) == 0 {
		return database.All(ctx, db, scanRow, selectRows+` ORDER BY id LIMIT `+strconv.Itoa(limit))
	}
	if len(sent) > broker.MaxBatch { // more than a list holds
		rows, err := database.All(ctx, db, scanRow, selectRows+` ORDER BY id LIMIT $1`, int64(limit+len(sent)))
		rows = slices.DeleteFunc(rows, func(r row) bool { return sent[r.id] })
		return rows[:min(limit, len(rows))], err
	}
	text, ids := padded(slices.Collect(maps.Keys(sent)))
	return database.All(ctx, db, scanRow, text.others+strconv.Itoa(limit), ids...)
}

const selectRows = `SELECT id, message_id, key, sequence, subject, headers, payload FROM outbox`

// run is rows that lie one after the other in the stream.
type run struct {
	ids   []int64 // ascending
	first uint64  // the stream sequence of the first
}

// join adds a run to others, and to the last of them when it continues it.
func join(runs []run, next run) []run {
	if n := len(runs); n > 0 {
		last := &runs[n-1]
		if last.first+uint64(len(last.ids)) == next.first && last.ids[len(last.ids)-1] < next.ids[0] {
			last.ids = append(last.ids, next.ids...)
			return runs
		}
	}
	return append(runs, next)
}

// move takes runs of rows out of the outbox and puts them with what was sent.
// It is an error when one is gone: somebody else took it. The ids are those of
// one incarnation of the database; in another one they may be those of other
// rows.
func move(ctx context.Context, db database.DB, incarnation, epoch string, runs []run) error {
	now := database.Micros(time.Now())
	return db.InTx(ctx, func(tx database.Tx) error {
		for _, r := range runs {
			for done := 0; done < len(r.ids); {
				part := r.ids[done:min(len(r.ids), done+broker.MaxBatch)]
				text, ids := padded(part)
				gone := fmt.Errorf("outbox: rows %d to %d are not all there: another relay moved them", part[0], part[len(part)-1])
				tx.Queue(database.Statement{
					SQL:  text.sent,
					Args: append([]any{now, epoch, int64(r.first) - 1 + int64(done)}, ids...),
					Rows: int64(len(part)), Else: gone,
				})
				failpoint.Here("relay.moving")
				tx.Queue(database.Statement{SQL: text.gone, Args: ids, Rows: int64(len(part)), Else: gone})
				done += len(part)
			}
		}
		if err := tx.Flush(ctx); err != nil {
			return err
		}
		if database.Incarnation(db) != incarnation {
			return errRestored
		}
		return nil
	})
}

// texts are the statements for lists of one length. There are few lengths, so
// that each is prepared once.
type texts struct{ sent, gone, rows, known, again, others string }

var lists = map[int]texts{1: list(1), 8: list(8), 24: list(24), 64: list(64), broker.MaxBatch: list(broker.MaxBatch)}

func list(n int) texts {
	holders := func(from int) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf("$%d", from+i))
		}
		return strings.Join(all, ", ")
	}
	return texts{
		sent: `INSERT INTO outbox_sent (message_id, key, sequence, subject, headers, payload, created_at, sent_at, epoch, stream_sequence)
			SELECT message_id, key, sequence, subject, headers, payload, created_at, $1, $2, $3 + row_number() OVER (ORDER BY id)
			FROM outbox WHERE id IN (` + holders(4) + `)`,
		gone:   `DELETE FROM outbox WHERE id IN (` + holders(1) + `)`,
		rows:   `SELECT message_id, id FROM outbox WHERE message_id IN (` + holders(1) + `)`,
		others: selectRows + ` WHERE id NOT IN (` + holders(1) + `) ORDER BY id LIMIT `,
		known:  `SELECT message_id, epoch FROM outbox_sent WHERE message_id IN (` + holders(1) + `)`,
		again:  `SELECT 0, message_id, key, sequence, subject, headers, payload FROM outbox_sent WHERE message_id IN (` + holders(1) + `)`,
	}
}

// padded chooses the statements for a list, and repeats its last element until
// it is as long as they want it.
func padded[T any](values []T) (texts, []any) {
	size := broker.MaxBatch
	for n := range lists {
		if n >= len(values) && n < size {
			size = n
		}
	}
	all := make([]any, size)
	for i := range all {
		all[i] = values[min(i, len(values)-1)]
	}
	return lists[size], all
}
