package eventsourcing

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"mallbots/internal/database"
)

// ErrUnreadable is a history that this program cannot read: another one, most
// likely a newer one, has written it.
var ErrUnreadable = errors.New("this program cannot read what is stored")

// names are the names of events that are known to be noted in event_names,
// which holds every (aggregate, name) that was ever stored.
type names struct{ noted sync.Map }

// note queues the note that events of that name are stored, once in the life of
// the process. It is part of the transaction that stores the first of them.
func (n *names) note(tx database.Tx, aggregate, name string) {
	if _, known := n.noted.Load(name); known {
		return
	}
	tx.Queue(database.Statement{
		SQL:  `INSERT INTO event_names (aggregate, name) VALUES ($1, $2) ON CONFLICT (aggregate, name) DO NOTHING`,
		Args: []any{aggregate, name},
	})
	tx.AfterCommit(func() { n.noted.Store(name, true) })
}

// StoredNames are the names of the events that were ever stored in a module's
// database, by aggregate.
func StoredNames(ctx context.Context, q database.Querier) (map[string][]string, error) {
	type pair struct{ aggregate, name string }
	pairs, err := database.All(ctx, q, func(row database.Row) (p pair, err error) {
		err = row.Scan(&p.aggregate, &p.name)
		return p, err
	}, `SELECT aggregate, name FROM event_names ORDER BY aggregate, name`)
	if err != nil {
		return nil, fmt.Errorf("read the names of the stored events: %w", err)
	}
	stored := map[string][]string{}
	for _, p := range pairs {
		stored[p.aggregate] = append(stored[p.aggregate], p.name)
	}
	return stored, nil
}

// CheckHistory is ErrUnreadable when an event of one of the stored names could
// not be read, and says which; it also finds a chain of upcasters that is not
// complete. Ask it before the first load: half a history is none.
func (r *Repository[A, E]) CheckHistory(stored []string) error {
	root := r.blank("").root()
	if err := root.checkUpcasters(); err != nil {
		return fmt.Errorf("%s: %w", r.name, err)
	}
	for _, name := range stored {
		if !root.knows(name) {
			return fmt.Errorf("%w: %s holds the event %s, and there is no decode or upcaster for it; run the release that wrote it, or a later one", ErrUnreadable, r.name, name)
		}
		r.names.noted.Store(name, true)
	}
	return nil
}
