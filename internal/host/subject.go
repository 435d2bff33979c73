package host

import (
	"context"
	"time"

	"mallbots/internal/database"
)

// Subject is something that a module knows by an id, described for an operator.
type Subject struct {
	Module   string    `json:"module"`
	Kind     string    `json:"kind"` // such as order, basket, product
	ID       string    `json:"id"`
	State    string    `json:"state"`
	Since    time.Time `json:"since,omitzero"`     // when it last changed
	WaitsFor string    `json:"waitsFor,omitempty"` // what must happen next; empty when nothing must
	Until    time.Time `json:"until,omitzero"`     // when it stops waiting
	Command  string    `json:"command,omitempty"`  // what an operator can do if that does not happen
	Currency string    `json:"currency,omitempty"` // of Money
	Money    int64     `json:"money,omitempty"`    // what it is worth, in minor units
	Customer string    `json:"customer,omitempty"` // whose it is
}

// Describe adds how the module describes what it knows by an id. Nothing is the
// answer for an id that it does not know.
func (s *Service) Describe(describe func(ctx context.Context, q database.Querier, id string) ([]Subject, error)) {
	s.describes = append(s.describes, describe)
}

// Unfinished adds what of the module still has to come to an end and has not
// changed since a moment: at most limit of it, the oldest first.
func (s *Service) Unfinished(list func(ctx context.Context, q database.Querier, before time.Time, limit int) ([]Subject, error)) {
	s.unfinished = append(s.unfinished, list)
}

// subjects are what the module knows by an id.
func (s *Service) subjects(ctx context.Context, id string) ([]Subject, error) {
	all := []Subject{}
	for _, describe := range s.describes {
		found, err := describe(ctx, s.DB, id)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	for i := range all {
		all[i].Module = s.Name
	}
	return all, nil
}
