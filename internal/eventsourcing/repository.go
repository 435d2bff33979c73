package eventsourcing

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"mallbots/internal/database"
	"mallbots/internal/failpoint"
	"mallbots/internal/fault"
)

// Cipher seals and opens the personal fields of one person's events.
type Cipher interface {
	Seal(ctx context.Context, tx database.Tx, person, plain string) (string, error)
	Open(ctx context.Context, q database.Querier, person, sealed string) (string, error)
}

// Repository loads and saves the aggregates of one kind.
type Repository[A Aggregate[E], E Event] struct {
	name     string
	blank    func(id string) A
	project  func(ctx context.Context, tx database.Tx, a A) error
	publish  func(ctx context.Context, tx database.Tx, a A, e E) error
	cipher   Cipher
	may      func(ctx context.Context, a A) bool
	exists   *fault.Error
	notFound *fault.Error
	names    names
}

// NewRepository returns the repository of the aggregates called name, which is
// stored and never changes. Project writes an aggregate's whole state into the
// read model, once a save; publish is asked about each recorded event. Both
// run in the saving transaction, and either may be nil.
func NewRepository[A Aggregate[E], E Event](
	name string,
	blank func(id string) A,
	project func(ctx context.Context, tx database.Tx, a A) error,
	publish func(ctx context.Context, tx database.Tx, a A, e E) error,
) *Repository[A, E] {
	words := strings.ReplaceAll(name, "_", " ")
	return &Repository[A, E]{
		name: name, blank: blank, project: project, publish: publish,
		exists:   fault.New(fault.Conflict, strings.ToUpper(name)+"_EXISTS", "the "+words+" exists already"),
		notFound: fault.New(fault.NotFound, strings.ToUpper(name)+"_NOT_FOUND", "there is no such "+words),
	}
}

// Seal makes the repository encrypt the fields of Personal events with c; the
// person is the aggregate's id.
func (r *Repository[A, E]) Seal(c Cipher) *Repository[A, E] {
	r.cipher = c
	return r
}

// Guard makes the repository ask may of each aggregate that is loaded, changed
// or whose history is read: what ctx may not touch is not found.
func (r *Repository[A, E]) Guard(may func(ctx context.Context, a A) bool) *Repository[A, E] {
	r.may = may
	return r
}

// Name is what the aggregates are called in the store.
func (r *Repository[A, E]) Name() string { return r.name }

// ErrNotFound is what Load and Update answer for an unknown id.
func (r *Repository[A, E]) ErrNotFound() *fault.Error { return r.notFound }

// Create makes a new aggregate with what decide records. An id that is taken
// is a conflict, found when the transaction flushes.
func (r *Repository[A, E]) Create(ctx context.Context, tx database.Tx, id string, decide func(A) error) error {
	a := r.blank(id)
	if err := decide(a); err != nil {
		return err
	}
	return r.save(ctx, tx, a, r.exists.With("%s", id))
}

// Update loads an aggregate, lets decide change it, and saves it. When decide
// records nothing, nothing is written. A lost race is ErrConflict, found when
// the transaction flushes.
func (r *Repository[A, E]) Update(ctx context.Context, tx database.Tx, id string, decide func(A) error) error {
	a, err := r.Load(ctx, tx, id)
	if err != nil {
		return err
	}
	if err := CheckPrecondition(ctx, r.name, id, a.Version()); err != nil {
		return err
	}
	if err := decide(a); err != nil {
		return err
	}
	return r.save(ctx, tx, a, ErrConflict.With("%s %s", r.name, id))
}

// Load returns an aggregate as it is now; an unknown one is not found, never
// an empty one.
func (r *Repository[A, E]) Load(ctx context.Context, q database.Querier, id string) (A, error) {
	return r.loadUntil(ctx, q, id, math.MaxInt64)
}

// LoadAt returns an aggregate as it was at a moment, what happened at that
// very microsecond included.
func (r *Repository[A, E]) LoadAt(ctx context.Context, q database.Querier, id string, at time.Time) (A, error) {
	return r.loadUntil(ctx, q, id, at.UnixMicro())
}

func (r *Repository[A, E]) loadUntil(ctx context.Context, q database.Querier, id string, until int64) (A, error) {
	a := r.blank(id)
	rows, err := read(ctx, q, r.name, id, until)
	if err != nil {
		return a, fmt.Errorf("load %s %s: %w", r.name, id, err)
	}
	if len(rows) == 0 {
		return a, r.notFound.With("%s", id)
	}
	if err := r.fold(ctx, q, a, rows); err != nil {
		return a, err
	}
	a.root().loaded = true
	if r.may != nil && !r.may(ctx, a) {
		return r.blank(id), r.notFound.With("%s", id)
	}
	return a, nil
}

// History returns all that happened to an aggregate, in order.
func (r *Repository[A, E]) History(ctx context.Context, q database.Querier, id string) ([]Stored, error) {
	rows, err := read(ctx, q, r.name, id, math.MaxInt64)
	if err != nil {
		return nil, fmt.Errorf("read the history of %s %s: %w", r.name, id, err)
	}
	if len(rows) == 0 {
		return nil, r.notFound.With("%s", id)
	}
	if r.may != nil {
		if _, err := r.Load(ctx, q, id); err != nil {
			return nil, err
		}
	}
	history := make([]Stored, 0, len(rows))
	for _, s := range rows {
		e, err := r.open(ctx, q, r.blank(id), s)
		if err != nil {
			return nil, err
		}
		s.Name = e.EventName()
		if s.Data, err = json.Marshal(e); err != nil {
			return nil, fmt.Errorf("encode %s of %s %s: %w", s.Name, r.name, id, err)
		}
		history = append(history, s.Stored)
	}
	return history, nil
}

// fold replays rows, which must be contiguous from the aggregate's version on.
func (r *Repository[A, E]) fold(ctx context.Context, q database.Querier, a A, rows []row) error {
	root := a.root()
	for _, s := range rows {
		if s.Version != root.version+1 {
			return fmt.Errorf("%s %s: event %d follows %d; its history is damaged", r.name, a.ID(), s.Version, root.version)
		}
		e, err := r.open(ctx, q, a, s)
		if err != nil {
			return err
		}
		root.replay(e, s.OccurredAt)
	}
	return nil
}

// open decodes a stored event and decrypts its personal fields.
func (r *Repository[A, E]) open(ctx context.Context, q database.Querier, a A, s row) (E, error) {
	e, err := a.root().read(s.Name, s.Data)
	if err != nil {
		return e, fmt.Errorf("%s %s version %d: %w", r.name, s.aggregateID, s.Version, err)
	}
	return r.transform(e, func(sealed string) (string, error) { return r.cipher.Open(ctx, q, s.aggregateID, sealed) })
}

// transform applies f to the personal fields of e, if it has any.
func (r *Repository[A, E]) transform(e E, f func(string) (string, error)) (E, error) {
	p, ok := any(e).(Personal)
	if !ok {
		return e, nil
	}
	if r.cipher == nil {
		return e, fmt.Errorf("%s: event %s is personal, but the repository has no cipher: call Seal", r.name, e.EventName())
	}
	t, err := p.Transform(f)
	if err != nil {
		return e, fmt.Errorf("%s: event %s: %w", r.name, e.EventName(), err)
	}
	transformed, ok := t.(E)
	if !ok {
		return e, fmt.Errorf("%s: Transform of event %s returned %T", r.name, e.EventName(), t)
	}
	return transformed, nil
}

// save stores what was recorded, projects and publishes. Lost is what the
// transaction fails with when another one stored these versions first.
func (r *Repository[A, E]) save(ctx context.Context, tx database.Tx, a A, lost error) error {
	root := a.root()
	if len(root.recorded) == 0 {
		return nil
	}
	at := time.Now().UTC().Truncate(time.Microsecond)
	if at.Before(root.updated) { // the clock was set back; time within an aggregate never is
		at = root.updated
	}
	if root.created.IsZero() {
		root.created = at
	}
	root.updated = at

	recorded := root.recorded
	root.recorded = nil
	version := root.version - int64(len(recorded))
	for i, e := range recorded {
		sealed, err := r.transform(e, func(plain string) (string, error) { return r.cipher.Seal(ctx, tx, root.id, plain) })
		if err != nil {
			return err
		}
		data, err := json.Marshal(sealed)
		if err != nil {
			return fmt.Errorf("encode %s of %s %s: %w", e.EventName(), r.name, root.id, err)
		}
		add(ctx, tx, r.name, root.id, version+int64(i)+1, e.EventName(), data, at, lost)
		r.names.note(tx, r.name, e.EventName())
	}
	failpoint.Here("event.appended")
	if r.project != nil {
		if err := r.project(ctx, tx, a); err != nil {
			return fmt.Errorf("project %s %s: %w", r.name, root.id, err)
		}
	}
	if r.publish == nil {
		return nil
	}
	for _, e := range recorded {
		if err := r.publish(ctx, tx, a, e); err != nil {
			return fmt.Errorf("publish %s of %s %s: %w", e.EventName(), r.name, root.id, err)
		}
	}
	return nil
}

// rebuildPage is how many aggregates are folded between two reads.
const rebuildPage = 200

// Rebuild projects every aggregate anew, as it is now. The caller clears the
// tables first, and keeps writers away (see database.Quiesce).
func (r *Repository[A, E]) Rebuild(ctx context.Context, tx database.Tx) error {
	if r.project == nil {
		return nil
	}
	for after := ""; ; {
		rows, err := readPage(ctx, tx, r.name, after, rebuildPage)
		if err != nil {
			return fmt.Errorf("rebuild %s: %w", r.name, err)
		}
		if len(rows) == 0 {
			return nil
		}
		for start := 0; start < len(rows); {
			end := start
			for end < len(rows) && rows[end].aggregateID == rows[start].aggregateID {
				end++
			}
			a := r.blank(rows[start].aggregateID)
			if err := r.fold(ctx, tx, a, rows[start:end]); err != nil {
				return err
			}
			if err := r.project(ctx, tx, a); err != nil {
				return fmt.Errorf("rebuild %s %s: %w", r.name, a.ID(), err)
			}
			after, start = a.ID(), end
		}
	}
}
