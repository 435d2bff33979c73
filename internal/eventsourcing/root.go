// Package eventsourcing keeps aggregates as the events that happened to them.
//
// An aggregate embeds a Root and has two halves. Its commands decide: they
// check the rules and Record an event. Its apply method changes state: it
// decides nothing and never fails. Recording applies at once, so that a
// command sees what the one before it did; a Repository stores what was
// recorded, projects the new state into the read model, and publishes, all in
// the transaction it is given.
//
// What is stored is spelled out: an event's name and the JSON names of its
// fields, so that renaming Go code never renames history.
package eventsourcing

import (
	"encoding/json"
	"fmt"
	"time"
)

// Event is something that happened to an aggregate. Its name is stored: it
// never changes, and is unique within the aggregate.
type Event interface {
	EventName() string
}

// Personal is an event that carries a person's data. Transform returns a copy
// with f applied to each personal field; the repository seals and opens them
// with it (see Repository.Seal).
type Personal interface {
	Event
	Transform(f func(string) (string, error)) (Event, error)
}

// Root is what every aggregate embeds.
type Root[E Event] struct {
	id        string
	version   int64
	created   time.Time
	updated   time.Time
	loaded    bool
	recorded  []E
	apply     func(E)
	decode    func(name string, data []byte) (E, error)
	upcasters []Upcaster
}

// NewRoot returns the root of a blank aggregate. Apply changes the
// aggregate's state; decode turns a stored event into its type. Upcasters make
// today's events of those that earlier releases have stored, before decode sees
// them.
func NewRoot[E Event](id string, apply func(E), decode func(name string, data []byte) (E, error), upcasters ...Upcaster) Root[E] {
	return Root[E]{id: id, apply: apply, decode: decode, upcasters: upcasters}
}

// ID identifies the aggregate among those of its kind.
func (r *Root[E]) ID() string { return r.id }

// Version counts the events that happened, those not yet stored included.
func (r *Root[E]) Version() int64 { return r.version }

// CreatedAt is when the first event was stored.
func (r *Root[E]) CreatedAt() time.Time { return r.created }

// UpdatedAt is when the last event was stored.
func (r *Root[E]) UpdatedAt() time.Time { return r.updated }

// Loaded reports whether the aggregate was stored before, so that a projection
// finds what it wrote then. In a rebuild it finds nothing.
func (r *Root[E]) Loaded() bool { return r.loaded }

// Record says that e happened: it is applied now and stored at the save.
func (r *Root[E]) Record(e E) {
	r.apply(e)
	r.version++
	r.recorded = append(r.recorded, e)
}

func (r *Root[E]) root() *Root[E] { return r }

// replay applies an event that is already stored.
func (r *Root[E]) replay(e E, at time.Time) {
	r.apply(e)
	r.version++
	if r.created.IsZero() {
		r.created = at
	}
	r.updated = at
}

// Aggregate is what embeds a Root of E.
type Aggregate[E Event] interface {
	ID() string
	Version() int64
	root() *Root[E]
}

// Decode reads a stored event of type T. Fields it does not know are ignored,
// so that a release can read what the next one wrote.
func Decode[T Event](data []byte) (T, error) {
	var e T
	if err := json.Unmarshal(data, &e); err != nil {
		return e, fmt.Errorf("decode event %s: %w", e.EventName(), err)
	}
	return e, nil
}

// Replay brings a blank aggregate to the state after events, through their
// stored encoding. Tests start their stories with it.
func Replay[E Event](a Aggregate[E], events ...E) error {
	for _, e := range events {
		data, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("encode event %s: %w", e.EventName(), err)
		}
		if err := ReplayStored(a, e.EventName(), data); err != nil {
			return err
		}
	}
	return nil
}

// ReplayStored applies an event to an aggregate as it lies in the store: its
// name and JSON, of whatever release.
func ReplayStored[E Event](a Aggregate[E], name string, data []byte) error {
	r := a.root()
	e, err := r.read(name, data)
	if err != nil {
		return err
	}
	r.replay(e, r.updated)
	return nil
}

// Recorded returns what happened to a since it was loaded.
func Recorded[E Event](a Aggregate[E]) []E { return a.root().recorded }
