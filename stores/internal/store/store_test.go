package store

import (
	"strings"
	"testing"

	"mallbots/internal/eventsourcing/aggregatetest"
)

type story = aggregatetest.Case[*Store, Event]

var created = Created{Name: "Exotic Liquids", Location: "London, UK"}

func TestStories(t *testing.T) {
	long := strings.Repeat("ä", MaxName)
	enable := func(s *Store) error { return s.EnableParticipation() }
	disable := func(s *Store) error { return s.DisableParticipation() }
	rebrand := func(name string) func(*Store) error {
		return func(s *Store) error { return s.Rebrand(name) }
	}
	create := func(name, location string) func(*Store) error {
		return func(s *Store) error { return s.Create(name, location) }
	}
	aggregatetest.Run(t, New, []story{
		{
			Name: "a store is created", When: create("Exotic Liquids", "London, UK"), Then: []Event{created},
		},
		{
			Name: "a store is created once", Given: []Event{created},
			When: create("Exotic Liquids", "London, UK"), Err: ErrExists,
		},
		{Name: "a store has a name", When: create(" \t ", "London"), Err: ErrNameBlank},
		{Name: "a name is not too long", When: create(long+"ä", "London"), Err: ErrNameTooLong},
		{Name: "a name is measured in characters", When: create(long, long), Then: []Event{Created{Name: long, Location: long}}},
		{Name: "a store is somewhere", When: create("Exotic Liquids", ""), Err: ErrLocationBlank},
		{Name: "a location is not too long", When: create("Exotic Liquids", long+"ä"), Err: ErrLocationTooLong},
		{
			Name: "a store is rebranded", Given: []Event{created},
			When: rebrand("Liquids"), Then: []Event{Rebranded{Name: "Liquids"}},
		},
		{
			Name: "the name it has changes nothing", Given: []Event{created, Rebranded{Name: "Liquids"}},
			When: rebrand("Liquids"),
		},
		{Name: "a rebranded store has a name", Given: []Event{created}, When: rebrand(" "), Err: ErrNameBlank},
		{Name: "a new name is not too long", Given: []Event{created}, When: rebrand(long + "ä"), Err: ErrNameTooLong},
		{
			Name: "a new store may begin to participate", Given: []Event{created},
			When: enable, Then: []Event{ParticipationEnabled{}},
		},
		{
			Name: "a new store does not participate", Given: []Event{created}, When: disable, Err: ErrNotParticipating,
		},
		{
			Name: "a store begins to participate once", Given: []Event{created, ParticipationEnabled{}},
			When: enable, Err: ErrParticipating,
		},
		{
			Name: "a participating store may stop", Given: []Event{created, ParticipationEnabled{}},
			When: disable, Then: []Event{ParticipationDisabled{}},
		},
		{
			Name: "a store stops once", Given: []Event{created, ParticipationEnabled{}, ParticipationDisabled{}},
			When: disable, Err: ErrNotParticipating,
		},
		{
			Name: "a store that stopped may begin again", Given: []Event{created, ParticipationEnabled{}, ParticipationDisabled{}},
			When: enable, Then: []Event{ParticipationEnabled{}},
		},
	})
}

func TestStoredEventsNeverChange(t *testing.T) {
	aggregatetest.Golden(t, "testdata/events.golden",
		[]Event{created, Rebranded{Name: "Liquids"}, ParticipationEnabled{}, ParticipationDisabled{}}...)
}
