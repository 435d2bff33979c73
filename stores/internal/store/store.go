// Package store holds the rules of one store: its name, and whether it takes
// part in the mall. It does no I/O.
//
// A new store does not participate: its owner fills the shelves first and then
// opens. Only a participating store's products can be put into a basket or
// checked out, which is for the baskets to see to; here is only decided when
// the sign on the door may be turned.
package store

import (
	"strings"
	"unicode/utf8"

	"mallbots/internal/eventsourcing"
	"mallbots/internal/fault"
)

// MaxName is the longest name or location of a store, in characters.
const MaxName = 200

// The refusals of a store.
var (
	ErrNameBlank        = fault.New(fault.Invalid, "STORE_NAME_BLANK", "the name of a store must not be blank")
	ErrNameTooLong      = fault.New(fault.Invalid, "STORE_NAME_TOO_LONG", "the name of a store has at most 200 characters")
	ErrLocationBlank    = fault.New(fault.Invalid, "STORE_LOCATION_BLANK", "the location of a store must not be blank")
	ErrLocationTooLong  = fault.New(fault.Invalid, "STORE_LOCATION_TOO_LONG", "the location of a store has at most 200 characters")
	ErrExists           = fault.New(fault.Conflict, "STORE_EXISTS", "the store has been created already")
	ErrNotCreated       = fault.New(fault.Conflict, "STORE_NOT_CREATED", "the store was never created")
	ErrParticipating    = fault.New(fault.Conflict, "STORE_PARTICIPATING", "the store participates already")
	ErrNotParticipating = fault.New(fault.Conflict, "STORE_NOT_PARTICIPATING", "the store does not participate, so it cannot stop")
)

// Store is one merchant's place in the mall.
type Store struct {
	eventsourcing.Root[Event]
	name          string
	location      string
	participating bool
}

// New returns a blank store: nothing has happened to it yet.
func New(id string) *Store {
	s := &Store{}
	s.Root = eventsourcing.NewRoot(id, s.apply, decode)
	return s
}

// Create opens the store's books. It does not participate yet.
func (s *Store) Create(name, location string) error {
	if s.Version() > 0 {
		return ErrExists
	}
	if err := checkName(name); err != nil {
		return err
	}
	if strings.TrimSpace(location) == "" {
		return ErrLocationBlank.In("location")
	}
	if utf8.RuneCountInString(location) > MaxName {
		return ErrLocationTooLong.In("location")
	}
	s.Record(Created{Name: name, Location: location})
	return nil
}

// Rebrand gives the store another name. The name it has already changes nothing.
func (s *Store) Rebrand(name string) error {
	if s.Version() == 0 {
		return ErrNotCreated
	}
	if err := checkName(name); err != nil {
		return err
	}
	if name != s.name {
		s.Record(Rebranded{Name: name})
	}
	return nil
}

// EnableParticipation lets the store sell.
func (s *Store) EnableParticipation() error {
	if s.Version() == 0 {
		return ErrNotCreated
	}
	if s.participating {
		return ErrParticipating
	}
	s.Record(ParticipationEnabled{})
	return nil
}

// DisableParticipation stops the store from selling.
func (s *Store) DisableParticipation() error {
	if s.Version() == 0 {
		return ErrNotCreated
	}
	if !s.participating {
		return ErrNotParticipating
	}
	s.Record(ParticipationDisabled{})
	return nil
}

// Name is what the store is called now.
func (s *Store) Name() string { return s.name }

// Location is where in the mall the store is.
func (s *Store) Location() string { return s.location }

// Participating reports whether the store sells.
func (s *Store) Participating() bool { return s.participating }

// apply changes the state. It decides nothing and never fails.
func (s *Store) apply(e Event) {
	switch e := e.(type) {
	case Created:
		s.name, s.location = e.Name, e.Location
	case Rebranded:
		s.name = e.Name
	case ParticipationEnabled:
		s.participating = true
	case ParticipationDisabled:
		s.participating = false
	}
}

func checkName(name string) error {
	if strings.TrimSpace(name) == "" {
		return ErrNameBlank.In("name")
	}
	if utf8.RuneCountInString(name) > MaxName {
		return ErrNameTooLong.In("name")
	}
	return nil
}
