package outbox

import (
	"context"
	"fmt"

	"mallbots/internal/broker"
	"mallbots/internal/database"
	"mallbots/internal/sabotage"
)

// resume finds out where the stream stands, before the first message and after
// every doubt: which rows of the outbox are in it already, because a relay died
// between the acknowledgement and the commit, or because no answer came.
//
// It reads the stream from behind the last message that is known as sent. As
// every batch names the sequence it follows, a message of ours that is still on
// its way cannot be stored after the first one that is published from here on.
func (r *Relay) resume(ctx context.Context) error {
	if err := r.db.Ping(ctx); err != nil {
		return fmt.Errorf("outbox: the database of %s: %w", r.db.Module(), err)
	}
	incarnation := database.Incarnation(r.db)
	if err := r.stream.Ensure(ctx); err != nil {
		return err
	}
	owner, err := r.own(ctx)
	if err != nil {
		return err
	}
	r.owner = owner.Database
	last, err := r.stream.Last(ctx)
	if err != nil {
		return err
	}
	if epoch := r.stream.Epoch(); epoch != r.epoch || incarnation != r.incarnation {
		r.epoch, r.incarnation, r.scanned, r.whole, r.missing = epoch, incarnation, 0, false, nil
	}
	r.fork = 0
	known, err := r.known(ctx, last)
	if err != nil {
		return err
	}
	from := max(known, min(r.scanned, last)) + 1
	if sabotage.On(sabotage.BlindResume) || sabotage.On(sabotage.MarkFirst) {
		from = last + 1
	}
	for from <= last {
		page, err := r.stream.Read(ctx, from, broker.MaxBatch)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			break // what was there has passed its age
		}
		if err := r.claim(ctx, page); err != nil {
			return err
		}
		from = page[len(page)-1].Sequence + 1
		last = max(last, from-1)
	}
	r.last, r.scanned = last, last
	if err := r.findSpaces(ctx); err != nil {
		return err
	}
	return r.refill(ctx)
}

// known is the last sequence of the stream that outbox_sent knows of. Messages
// it remembers beyond the stream's end are lost there; they are marked as such.
func (r *Relay) known(ctx context.Context, last uint64) (uint64, error) {
	sequence, err := database.One(ctx, r.db, database.Value[int64],
		`SELECT COALESCE(MAX(stream_sequence), 0) FROM outbox_sent WHERE epoch = $1`, r.epoch)
	if err != nil {
		return 0, fmt.Errorf("outbox: last sequence sent: %w", err)
	}
	if uint64(sequence) <= last {
		return uint64(sequence), nil
	}
	r.log.ErrorContext(ctx, "outbox: the stream has lost its end", "stream", r.stream.Name(), "sent", sequence, "last", last)
	r.whole = false
	err = r.db.InTx(ctx, func(tx database.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE outbox_sent SET epoch = '' WHERE epoch = $1 AND stream_sequence > $2`, r.epoch, int64(last))
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("outbox: mark what the stream has lost: %w", err)
	}
	return last, nil
}

// claim moves the rows whose messages are among those of the page, and reports
// messages that never were in this outbox.
func (r *Relay) claim(ctx context.Context, page []broker.Message) error {
	ids := make([]string, len(page))
	for i, m := range page {
		ids[i] = m.ID
	}
	text, args := padded(ids)
	type found struct {
		messageID string
		id        int64
	}
	rows, err := database.All(ctx, r.db, func(from database.Row) (found, error) {
		var f found
		err := from.Scan(&f.messageID, &f.id)
		return f, err
	}, text.rows, args...)
	if err != nil {
		return fmt.Errorf("outbox: rows in doubt: %w", err)
	}
	sent, err := database.All(ctx, r.db, func(from database.Row) (resent, error) {
		var s resent
		err := from.Scan(&s.messageID, &s.epoch)
		return s, err
	}, text.known, args...)
	if err != nil {
		return fmt.Errorf("outbox: rows sent: %w", err)
	}
	ours := map[string]int64{} // message id to row, 0 when it has left the outbox
	lost := map[string]bool{}  // it was, and is here again
	for _, s := range sent {
		ours[s.messageID] = 0
		lost[s.messageID] = s.epoch != r.epoch
	}
	for _, f := range rows {
		ours[f.messageID] = f.id
	}
	var runs []run
	var again []resent
	var strange []broker.Message
	for _, m := range page {
		id, known := ours[m.ID]
		switch {
		case !known:
			strange = append(strange, m)
		case lost[m.ID]:
			again = append(again, resent{messageID: m.ID, sequence: m.Sequence})
		case id != 0:
			runs = join(runs, run{ids: []int64{id}, first: m.Sequence})
			ours[m.ID] = 0
			published.WithLabelValues(r.db.Module(), kind(m.Subject)).Inc()
		}
	}
	if len(again) > 0 {
		if err := r.relabel(ctx, again); err != nil {
			return err
		}
	}
	if len(runs) > 0 {
		if err := move(ctx, r.db, r.incarnation, r.epoch, runs); err != nil {
			return err
		}
	}
	return r.adopt(ctx, strange)
}
