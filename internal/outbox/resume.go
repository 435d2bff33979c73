package outbox

import (
	"context"
	"errors"
	"fmt"

	"mallbots/internal/broker"
	"mallbots/internal/database"
)

// resume finds out where the stream stands, before the first message and after
// every doubt: which rows of the outbox are in it already, because a relay died
// between the acknowledgement and the commit, or because no answer came.
//
// It reads the stream from behind the last message that is known as sent. As
// every batch names the sequence it follows, a message of ours that is still on
// its way cannot be stored after the first one that is published from here on.
func (r *Relay) resume(ctx context.Context) error {
	if err := r.stream.Ensure(ctx); err != nil {
		return err
	}
	last, err := r.stream.Last(ctx)
	if err != nil {
		return err
	}
	if epoch := r.stream.Epoch(); epoch != r.epoch {
		r.epoch, r.scanned = epoch, 0
		if err := r.compareEpochs(ctx); err != nil {
			return err
		}
	}
	known, err := database.One(ctx, r.db, database.Value[int64],
		`SELECT COALESCE(MAX(stream_sequence), 0) FROM outbox_sent WHERE epoch = $1`, r.epoch)
	if err != nil {
		return fmt.Errorf("outbox: last sequence sent: %w", err)
	}
	if uint64(known) > last {
		r.log.Error("outbox: the stream has lost its end: it must be filled again from outbox_sent",
			"stream", r.stream.Name(), "sent", known, "last", last)
	}
	from := max(uint64(known), min(r.scanned, last)) + 1
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
	return nil
}

// compareEpochs tells when the stream is not the one that was published to
// before: its messages are in outbox_sent only. Whoever fills it again has to
// do so here, before anything newer is published.
func (r *Relay) compareEpochs(ctx context.Context) error {
	before, err := database.One(ctx, r.db, database.Value[string],
		`SELECT epoch FROM outbox_sent ORDER BY sent_at DESC LIMIT 1`)
	if errors.Is(err, database.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("outbox: epoch sent: %w", err)
	}
	if before != r.epoch {
		r.log.Error("outbox: the stream was lost and created again: it must be filled again from outbox_sent",
			"stream", r.stream.Name(), "epoch", r.epoch, "before", before)
	}
	return nil
}

// claim moves the rows whose messages are among those, and reports messages
// that never were in this outbox.
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
	sent, err := database.All(ctx, r.db, database.Value[string], text.known, args...)
	if err != nil {
		return fmt.Errorf("outbox: rows sent: %w", err)
	}
	ours := map[string]int64{} // message id to row, 0 when it has left the outbox
	for _, id := range sent {
		ours[id] = 0
	}
	for _, f := range rows {
		ours[f.messageID] = f.id
	}
	var runs []run
	for _, m := range page {
		id, known := ours[m.ID]
		switch {
		case !known:
			foreign.WithLabelValues(r.db.Module()).Inc()
			r.log.Error("outbox: a message that this module never published is in its stream",
				"stream", r.stream.Name(), "sequence", m.Sequence, "id", m.ID, "subject", m.Subject)
		case id != 0:
			runs = join(runs, run{ids: []int64{id}, first: m.Sequence})
			ours[m.ID] = 0
			published.WithLabelValues(r.db.Module(), kind(m.Subject)).Inc()
		}
	}
	if len(runs) == 0 {
		return nil
	}
	return move(ctx, r.db, r.epoch, runs)
}
