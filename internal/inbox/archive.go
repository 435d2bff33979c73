package inbox

import (
	"context"
	"errors"

	"mallbots/internal/database"
)

// archive queues the copy of a letter that an operator ends, and says how: what
// was given up can be looked at for ever.
func (in *Inbox) archive(tx database.Tx, l Letter, verb, successor string) {
	tx.Queue(database.Statement{
		SQL: `INSERT INTO dead_letter_archive (id, consumer, message_id, key, sequence, type, subject, headers, payload,
			cause, error, stack, attempts, first_at, last_at, original, verb, successor)
			SELECT id, consumer, message_id, key, sequence, type, subject, headers, payload,
			cause, error, stack, attempts, first_at, last_at, original, $2, $3 FROM dead_letters WHERE id = $1`,
		Args: []any{l.ID, verb, successor}, Rows: 1, Else: ErrNoLetter.With("%s", l.ID),
	})
}

// archived returns a letter that an operator has ended, or ErrNoLetter.
func (in *Inbox) archived(ctx context.Context, id string) (Letter, error) {
	l, err := database.One(ctx, in.db, scanLetter, letterColumns+` FROM dead_letter_archive WHERE id = $1`, id)
	if errors.Is(err, database.ErrNoRows) {
		return l, ErrNoLetter.With("%s", id)
	}
	if err != nil {
		return l, err
	}
	_, err = database.One(ctx, in.db, func(row database.Row) (Letter, error) {
		return l, row.Scan(&l.Closed, &l.Successor)
	}, `SELECT verb, successor FROM dead_letter_archive WHERE id = $1`, id)
	l.Payload = Decoded(l.Type, l.data)
	return l, err
}
