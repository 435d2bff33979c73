package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"mallbots/internal/broker"
	"mallbots/internal/database"
)

// adopt deals with messages of the stream that this database does not know.
// There are two ways for them to come there. The database was restored to an
// earlier time: then they are this module's own history, which it has lost and
// others have acted on. Or somebody else wrote to the stream.
//
// Consumers cannot tell the difference: they have applied, or will, whatever
// carries the next sequence of its key. So the module goes on behind it. It
// counts such a sequence as used, and numbers what waits in its outbox anew;
// were it to use the sequence again, consumers would take its event for a
// duplicate and drop it. All of them are listed (see Lost), and with the first
// that is adopted a new epoch of the producer begins.
func (r *Relay) adopt(ctx context.Context, strange []broker.Message) error {
	const step = 50
	for len(strange) > 0 {
		n := min(len(strange), step)
		var fork, adopted, listed int64
		err := r.db.InTx(ctx, func(tx database.Tx) error {
			fork, adopted, listed = r.fork, 0, 0
			for _, m := range strange[:n] {
				known, err := database.One(ctx, tx, database.Value[int64],
					`SELECT COUNT(*) FROM lost_messages WHERE stream_epoch = $1 AND stream_sequence = $2`, r.epoch, int64(m.Sequence))
				if err != nil {
					return err
				}
				if known > 0 {
					continue
				}
				listed++
				next, err := r.follow(ctx, tx, m)
				if err != nil {
					return err
				}
				epoch := int64(0)
				if next {
					adopted++
					if fork == 0 {
						if fork, err = r.begin(ctx, tx, m.Sequence); err != nil {
							return err
						}
					}
					epoch = fork
				}
				if err := r.list(tx, m, epoch); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("outbox: list what this database does not know of its stream: %w", err)
		}
		if fork != r.fork {
			r.fork = fork
			r.log.ErrorContext(ctx, "outbox: the database knows less than its stream, as after a restore to an earlier time: a new epoch begins; "+
				"list what was lost with: mallbots lost; publish the state again with: mallbots republish "+r.db.Module(),
				"stream", r.stream.Name(), "epoch", fork)
		}
		if listed > 0 {
			foreign.WithLabelValues(r.db.Module()).Add(float64(listed))
			r.log.ErrorContext(ctx, "outbox: messages that this database never published are in its stream", "stream", r.stream.Name(),
				"messages", listed, "adopted", adopted, "first", strange[0].Sequence, "id", strange[0].ID, "subject", strange[0].Subject)
		}
		strange = strange[n:]
	}
	return nil
}

// follow has the module continue behind m, if m is what consumers take for the
// next of its key: it counts m's sequence as used.
func (r *Relay) follow(ctx context.Context, tx database.Tx, m broker.Message) (bool, error) {
	envelope, err := m.Open()
	if err != nil || envelope.Source != r.db.Module() {
		return false, nil // consumers refuse it
	}
	used, err := Lock(ctx, tx, envelope.Key)
	if err != nil {
		return false, err
	}
	unsent, err := database.One(ctx, tx, database.Value[int64], `SELECT COUNT(*) FROM outbox WHERE key = $1`, envelope.Key)
	if err != nil {
		return false, err
	}
	if envelope.Sequence != used-unsent+1 {
		return false, nil // a duplicate or a gap to consumers
	}
	tx.Queue(database.Statement{SQL: `UPDATE outbox SET sequence = sequence + 1 WHERE key = $1`, Args: []any{envelope.Key}})
	tx.Queue(database.Statement{SQL: `UPDATE outbox_keys SET sequence = sequence + 1 WHERE key = $1`, Args: []any{envelope.Key}, Rows: 1})
	return true, nil
}

// Lock makes every other publisher of the key wait until the end of tx, and
// returns the last sequence that the key has used. What is read of the
// aggregate from then on is not older than its last event.
func Lock(ctx context.Context, tx database.Tx, key string) (used int64, err error) {
	used, err = database.One(ctx, tx, database.Value[int64], `INSERT INTO outbox_keys (key, sequence) VALUES ($1, 0)
		ON CONFLICT (key) DO UPDATE SET sequence = outbox_keys.sequence RETURNING sequence`, key)
	if err != nil {
		return 0, fmt.Errorf("outbox: lock %s: %w", key, err)
	}
	return used, nil
}

// begin begins a new epoch of the producer. The first is its database's
// identity.
func (r *Relay) begin(ctx context.Context, tx database.Tx, first uint64) (int64, error) {
	number, err := database.One(ctx, tx, database.Value[int64], `SELECT COALESCE(MAX(number), 1) + 1 FROM producer_epochs`)
	if err != nil {
		return 0, err
	}
	tx.Queue(database.Statement{
		SQL:  `INSERT INTO producer_epochs (number, began_at, stream_epoch, after_sequence) VALUES ($1, $2, $3, $4)`,
		Args: []any{number, database.Micros(time.Now()), r.epoch, int64(first) - 1},
	})
	return number, nil
}

// list queues the row of a message that the database does not know.
func (r *Relay) list(tx database.Tx, m broker.Message, epoch int64) error {
	envelope, _ := m.Open() // what it says, even when it cannot be believed
	headers, err := json.Marshal(m.Header)
	if err != nil {
		return err
	}
	data := m.Data
	if data == nil {
		data = []byte{}
	}
	tx.Queue(database.Statement{
		SQL: `INSERT INTO lost_messages (stream_epoch, stream_sequence, producer_epoch, message_id, key, sequence, subject, headers, payload, found_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		Args: []any{
			r.epoch, int64(m.Sequence), epoch, m.ID, envelope.Key, envelope.Sequence, m.Subject, string(headers), data,
			database.Micros(time.Now()),
		},
	})
	return nil
}

// Lost is a message of the stream that the database does not know.
type Lost struct {
	Epoch    int64          // of the producer, which began with its loss; 0 when somebody else wrote it
	Found    time.Time      // when that was noticed
	Place    uint64         // its sequence in the stream
	Message  broker.Message // itself
	Key      string
	Sequence int64 // of its key
}

// LostMessages returns at most limit of the messages that were lost with a
// database's latest history, or written by others, in the order of the stream.
// Only of one key, unless that is empty.
func LostMessages(ctx context.Context, q database.Querier, key string, limit int) ([]Lost, error) {
	lost, err := database.All(ctx, q, func(from database.Row) (Lost, error) {
		var l Lost
		var found, place int64
		var headers string
		err := from.Scan(&l.Epoch, &found, &place, &l.Message.ID, &l.Key, &l.Sequence, &l.Message.Subject, &headers, &l.Message.Data)
		l.Found, l.Place, l.Message.Sequence = database.Time(found), uint64(place), uint64(place)
		return l, errors.Join(err, json.Unmarshal([]byte(headers), &l.Message.Header))
	}, `SELECT producer_epoch, found_at, stream_sequence, message_id, key, sequence, subject, headers, payload
		FROM lost_messages WHERE $1 = '' OR key = $1 ORDER BY found_at, stream_sequence LIMIT $2`, key, int64(limit))
	if err != nil {
		return nil, fmt.Errorf("outbox: list lost messages: %w", err)
	}
	return lost, nil
}

// CountLost is how many messages LostMessages could list.
func CountLost(ctx context.Context, q database.Querier) (int64, error) {
	n, err := database.One(ctx, q, database.Value[int64], `SELECT COUNT(*) FROM lost_messages`)
	if err != nil {
		return 0, fmt.Errorf("outbox: count lost messages: %w", err)
	}
	return n, nil
}
