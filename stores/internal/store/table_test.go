package store

import (
	"testing"

	"mallbots/internal/eventsourcing/aggregatetest"
)

// table is what a store answers to each command in each state.
var table = aggregatetest.Table[*Store, Event]{
	New: New,
	State: func(s *Store) string {
		switch {
		case s.Version() == 0:
			return "not created"
		case s.participating:
			return "participating"
		}
		return "closed"
	},
	Show: func(s *Store) map[string]any {
		return map[string]any{"Name": s.Name(), "Location": s.Location(), "Participating": s.Participating()}
	},
	States: []aggregatetest.State[Event]{
		{Name: "not created"},
		{Name: "closed", Given: []Event{created}},
		{Name: "participating", Given: []Event{created, ParticipationEnabled{}}},
	},
	Commands: []aggregatetest.Command[*Store]{
		{Name: "Create", Do: func(s *Store) error { return s.Create("Exotic Liquids", "London, UK") }},
		{Name: "Rebrand", Do: func(s *Store) error { return s.Rebrand("Liquids") }},
		{Name: "EnableParticipation", Do: (*Store).EnableParticipation},
		{Name: "DisableParticipation", Do: (*Store).DisableParticipation},
	},
	Lives: []aggregatetest.State[Event]{
		{Name: "a long life", Given: []Event{
			created, ParticipationEnabled{}, Rebranded{Name: "Liquids"}, ParticipationDisabled{}, Rebranded{Name: "Exotic"},
		}},
	},
}

func TestTheTableOfCommands(t *testing.T) { table.Run(t) }

func TestWhatWasReleasedStillFolds(t *testing.T) { table.Releases(t) }
