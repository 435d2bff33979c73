package host

import (
	"context"
	"fmt"
	"net/http"

	"mallbots/internal/database"
	"mallbots/internal/fault"
	"mallbots/internal/operator"
	"mallbots/internal/outbox"
)

// errNothingToRepublish refuses a module that tells stories and has no state.
var errNothingToRepublish = fault.New(fault.Conflict, "NOTHING_TO_REPUBLISH", "the module has no state that others keep a copy of")

// republishAll publishes the state of a module's aggregates again. A crash in
// the middle leaves some published and the rest not; to begin again does no
// harm, because the events are absolute.
func (p *process) republishAll(r *http.Request) (any, error) {
	services, err := p.chosen(r)
	if err != nil {
		return nil, err
	}
	if r.URL.Query().Get("module") == "" {
		return nil, fault.New(fault.Invalid, "MODULE_MISSING", "say which module, as ?module=stores")
	}
	published := map[string]int{}
	for _, s := range services {
		err := s.DB.InTx(r.Context(), func(tx database.Tx) error {
			operator.Record(r.Context(), tx, operator.Action{Verb: "republish", Target: s.Name, Outcome: "begun"})
			return nil
		})
		if err != nil {
			return nil, err
		}
		if len(s.snapshots) == 0 {
			return nil, errNothingToRepublish.With("%s", s.Name)
		}
		for _, kind := range s.snapshots {
			n, err := s.republish(r.Context(), kind)
			published[kind.Name()] += n
			if err != nil {
				return nil, fmt.Errorf("republish %s, after %d: %w", kind.Name(), n, err)
			}
		}
	}
	return map[string]any{"published": published}, nil
}

// republish publishes every aggregate of one kind, each in a transaction of its
// own, so that nobody waits for all of them.
func (s *Service) republish(ctx context.Context, kind Snapshotter) (published int, err error) {
	for after := ""; ; {
		ids, err := kind.Page(ctx, s.DB, after, 200)
		if err != nil || len(ids) == 0 {
			return published, err
		}
		for _, id := range ids {
			err := s.DB.InTx(ctx, func(tx database.Tx) error {
				if _, err := outbox.Lock(ctx, tx, id); err != nil { // what is read now is not older than the last event
					return err
				}
				return kind.Publish(ctx, tx, id)
			})
			if err != nil {
				return published, fmt.Errorf("%s: %w", id, err)
			}
			published++
		}
		after = ids[len(ids)-1]
	}
}
