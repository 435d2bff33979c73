package outbox

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"mallbots/internal/broker"
	"mallbots/internal/database"
)

// ErrForeign is what Claim and Run end with when the module's stream belongs to
// another database. No waiting mends it.
var ErrForeign = errors.New("the module runs already elsewhere, with another database")

// owned is a stream that knows whose it is; *broker.Stream is one.
type owned interface {
	Owner() broker.Owner
	Own(ctx context.Context, by broker.Owner) error
}

// TakeOver has the next Claim take the stream, whosever it is: from a database
// that is gone for good.
func (r *Relay) TakeOver() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taking = true
}

// Claim makes sure that the module's stream belongs to this database, before
// anything is published or consumed: two databases of one module would share
// out its messages between them, and each would miss what the other got. It is
// ErrForeign, naming both, when the stream is another's; any other error may
// pass.
func (r *Relay) Claim(ctx context.Context) error {
	if err := r.stream.Ensure(ctx); err != nil {
		return err
	}
	_, err := r.own(ctx)
	return err
}

// own is Claim of a stream that is known to exist. It returns the owner.
func (r *Relay) own(ctx context.Context) (broker.Owner, error) {
	stream, can := r.stream.(owned)
	if !can {
		return broker.Owner{}, nil
	}
	has := stream.Owner()
	id, err := r.identity(ctx, has.Database)
	if err != nil {
		return broker.Owner{}, fmt.Errorf("outbox: the identity of the database of %s: %w", r.db.Module(), err)
	}
	mine := broker.Owner{Database: id, Where: database.Where(r.db)}
	r.mu.Lock()
	taking := r.taking
	r.mu.Unlock()
	switch {
	case has == mine:
		return mine, nil
	case has.Database != "" && has.Database != mine.Database && !taking:
		return mine, fmt.Errorf("outbox: %s: %w: the stream %s belongs to the database %s (%s), and this process was given %s (%s); "+
			"give it the former, or stop every process of that and, if it is gone for good, start this one once with --take-over=%[1]s",
			r.db.Module(), ErrForeign, r.stream.Name(), has.Database, has.Where, mine.Database, mine.Where)
	case has.Database != "" && has.Database != mine.Database:
		r.log.WarnContext(ctx, "outbox: taking the stream over from another database", "stream", r.stream.Name(), "from", has.Where, "to", mine.Where)
	}
	if err := stream.Own(ctx, mine); err != nil {
		return mine, err
	}
	r.mu.Lock()
	r.taking = false
	r.mu.Unlock()
	return mine, nil
}

// identity is what the database is called, wherever it is and whatever copy or
// backup of it this is: the row of the producer's first epoch. It is made up the
// first time. A database that was restored to before that time, and has
// published to the stream, is the one that owns it.
func (r *Relay) identity(ctx context.Context, owner string) (string, error) {
	const read = `SELECT stream_epoch FROM producer_epochs WHERE number = 1`
	id, err := database.One(ctx, r.db, database.Value[string], read)
	if !errors.Is(err, database.ErrNoRows) {
		return id, err
	}
	id = uuid.NewString()
	if owner != "" {
		sent, err := database.One(ctx, r.db, database.Value[int64],
			`SELECT COALESCE(MAX(stream_sequence), 0) FROM outbox_sent WHERE epoch = $1`, r.stream.Epoch())
		if err != nil {
			return "", err
		}
		if sent > 0 {
			id = owner
		}
	}
	err = r.db.InTx(ctx, func(tx database.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO producer_epochs (number, began_at, stream_epoch, after_sequence) VALUES (1, 0, $1, 0)
			ON CONFLICT (number) DO NOTHING`, id)
		return err
	})
	if err != nil {
		return "", err
	}
	return database.One(ctx, r.db, database.Value[string], read)
}
