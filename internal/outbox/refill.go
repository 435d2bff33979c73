package outbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"mallbots/internal/broker"
	"mallbots/internal/database"
	"mallbots/internal/sabotage"
)

// resent is a message that the stream has lost, or has again.
type resent struct {
	messageID string
	epoch     string
	sequence  uint64
}

// refill publishes again what was sent and is not in the stream: all of it when
// the stream was created anew, the end when that was cut off. It comes before
// anything newer, and keeps the order of each key. Consumers know what they have
// applied, and take the rest.
func (r *Relay) refill(ctx context.Context) error {
	if r.whole || sabotage.On(sabotage.NoRefill) || sabotage.On(sabotage.MarkFirst) {
		return nil
	}
	ids, err := r.lost(ctx)
	if err != nil {
		return err
	}
	if r.refused > 0 {
		r.singles = max(r.singles, len(ids))
	} else if len(ids) > 0 {
		r.log.WarnContext(ctx, "outbox: the stream has lost messages, which are published again", "stream", r.stream.Name(), "messages", len(ids))
	}
	r.refused = 0
	for len(ids) > 0 {
		n := min(len(ids), broker.MaxBatch)
		if r.singles > 0 {
			n = 1
		}
		done, err := r.republish(ctx, ids[:n])
		if err != nil {
			return err
		}
		ids = ids[done:]
	}
	r.whole = r.refused == 0
	return nil
}

// lost are the messages that the stream has lost, in the order in which they were
// in it: so they get the sequences that they had, and what consumers say of those
// is still true. Where that is not the order of a key, its own order goes before.
func (r *Relay) lost(ctx context.Context) ([]string, error) {
	type lost struct {
		id, key  string
		sequence int64
	}
	all, err := database.All(ctx, r.db, func(row database.Row) (l lost, err error) {
		return l, row.Scan(&l.id, &l.key, &l.sequence)
	}, `SELECT message_id, key, sequence FROM outbox_sent WHERE epoch < $1 OR epoch > $1 ORDER BY stream_sequence, sequence`, r.epoch)
	if err != nil {
		return nil, fmt.Errorf("outbox: what the stream has lost: %w", err)
	}
	ofKey := map[string][]lost{}
	for _, l := range all {
		ofKey[l.key] = append(ofKey[l.key], l)
	}
	for _, some := range ofKey {
		slices.SortFunc(some, func(a, b lost) int { return cmp.Compare(a.sequence, b.sequence) })
	}
	ids := make([]string, 0, len(all))
	for _, l := range all {
		ids = append(ids, ofKey[l.key][0].id)
		ofKey[l.key] = ofKey[l.key][1:]
	}
	return ids, nil
}

// republish sends the first of some messages again, and says how many.
func (r *Relay) republish(ctx context.Context, ids []string) (done int, err error) {
	text, args := padded(ids)
	found, err := database.All(ctx, r.db, scanRow, text.again, args...)
	if err != nil {
		return 0, fmt.Errorf("outbox: read what is to be published again: %w", err)
	}
	byID := make(map[string]row, len(found))
	for _, row := range found {
		byID[row.messageID] = row
	}
	var batch []row
	for _, id := range ids {
		if row, there := byID[id]; there { // it may have passed its age meanwhile
			batch = append(batch, row)
		}
	}
	if len(batch) == 0 {
		return len(ids), nil
	}
	messages, err := r.messages(batch)
	if err != nil {
		return 0, err
	}
	done = len(ids)
	if len(messages) < len(batch) { // the others are too large to come along
		batch = batch[:len(messages)]
		done = slices.Index(ids, batch[len(batch)-1].messageID) + 1
	}
	last, err := r.stream.Append(ctx, r.last, messages)
	switch {
	case err == nil:
		r.last = last
		r.singles = max(0, r.singles-1)
	case errors.Is(err, broker.ErrDuplicate) && len(batch) == 1 && last > 0:
		stored, err := r.stream.Read(ctx, last, 1)
		if err != nil {
			return 0, err
		}
		if len(stored) == 0 || stored[0].ID != messages[0].ID {
			// The server has lost the message and remembers the id: it takes the
			// message when it has forgotten that too, minutes from now.
			r.refused++
			return done, nil
		} // else it was not lost
	default:
		r.doubt(err, len(batch))
		return 0, err
	}
	again := make([]resent, len(batch))
	for i, row := range batch {
		again[i] = resent{messageID: row.messageID, sequence: last - uint64(len(batch)-1-i)}
	}
	return done, r.relabel(ctx, again)
}

// relabel notes where in the stream lost messages are now.
func (r *Relay) relabel(ctx context.Context, again []resent) error {
	now := database.Micros(time.Now()) // the stream keeps them from now on, and so must outbox_sent
	err := r.db.InTx(ctx, func(tx database.Tx) error {
		for _, m := range again {
			tx.Queue(database.Statement{
				SQL:  `UPDATE outbox_sent SET epoch = $1, stream_sequence = $2, sent_at = $3 WHERE message_id = $4`,
				Args: []any{r.epoch, int64(m.sequence), now, m.messageID},
			})
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("outbox: note what was published again: %w", err)
	}
	return nil
}
