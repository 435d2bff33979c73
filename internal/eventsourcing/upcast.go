package eventsourcing

import (
	"fmt"
	"strconv"
	"strings"
)

// Upcaster turns the stored form of one version of an event into that of the
// next, so that decode and apply know the newest one alone. It sees JSON as it
// is stored: a personal field is sealed, it can be moved and not read.
type Upcaster struct {
	Event string // the name without a version, such as ItemAdded
	From  int    // the version it reads, from 1; it makes the one after
	Up    func(data []byte) ([]byte, error)
}

// Versioned is the stored name of a version of an event. The first has the
// plain name; a later one says which it is: ItemAdded, ItemAdded.v2.
func Versioned(event string, version int) string {
	if version == 1 {
		return event
	}
	return event + ".v" + strconv.Itoa(version)
}

// versionOf is the reverse of Versioned.
func versionOf(name string) (event string, version int) {
	event, number, found := strings.Cut(name, ".v")
	if n, err := strconv.Atoi(number); found && err == nil {
		return event, n
	}
	return name, 1
}

// read turns a stored event, of whatever version, into its type of today.
func (r *Root[E]) read(name string, data []byte) (E, error) {
	for next, found := r.upcaster(name); found; next, found = r.upcaster(name) {
		upcast, err := next.Up(data)
		if err != nil {
			var none E
			return none, fmt.Errorf("upcast event %s: %w", name, err)
		}
		name, data = Versioned(next.Event, next.From+1), upcast
	}
	return r.decode(name, data)
}

// upcaster is what reads the stored events of that name.
func (r *Root[E]) upcaster(name string) (Upcaster, bool) {
	if len(r.upcasters) > 0 {
		event, version := versionOf(name)
		for _, u := range r.upcasters {
			if u.Event == event && u.From == version {
				return u, true
			}
		}
	}
	return Upcaster{}, false
}

// newest is the name of what read makes of the events of that name.
func (r *Root[E]) newest(name string) string {
	for u, found := r.upcaster(name); found; u, found = r.upcaster(name) {
		name = Versioned(u.Event, u.From+1)
	}
	return name
}

// knows says whether the events of that name can be read.
func (r *Root[E]) knows(name string) bool {
	_, err := r.decode(r.newest(name), []byte("{}"))
	return err == nil
}

// checkUpcasters is an error that names what is missing in a chain: each leads
// from its event's first version on, step by step, to one that decode knows.
func (r *Root[E]) checkUpcasters() error {
	seen := map[string]bool{}
	for _, u := range r.upcasters {
		from := Versioned(u.Event, u.From)
		switch {
		case u.From < 1 || u.Up == nil:
			return fmt.Errorf("the upcaster of %s from version %d is incomplete: it needs a version of at least 1 and a function", u.Event, u.From)
		case seen[from]:
			return fmt.Errorf("there are two upcasters of %s: keep one", from)
		case !r.knows(from):
			return fmt.Errorf("the upcasters of %s end at %s, which decode does not know: add the step that is missing", from, r.newest(from))
		}
		seen[from] = true
		for version := 1; version < u.From; version++ {
			if name := Versioned(u.Event, version); !r.knows(name) {
				return fmt.Errorf("%s cannot be read, though %s can: add its upcaster", name, from)
			}
		}
	}
	return nil
}
