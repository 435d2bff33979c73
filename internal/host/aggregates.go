package host

import (
	"context"
	"fmt"

	"mallbots/internal/eventsourcing"
)

// History is the stored events of the aggregates of one kind; repositories are
// some.
type History interface {
	Name() string
	// CheckHistory refuses when an event of one of the stored names cannot be read.
	CheckHistory(stored []string) error
}

// Aggregates names the repositories of the module. The process refuses to start
// when one of them cannot read all that its database holds, or when events are
// stored that none of them is for.
func (s *Service) Aggregates(repositories ...History) {
	s.histories = append(s.histories, repositories...)
}

// checkHistories asks each repository whether it can read what is stored.
func (s *Service) checkHistories(ctx context.Context) error {
	stored, err := eventsourcing.StoredNames(ctx, s.DB)
	if err != nil {
		return err
	}
	for _, h := range s.histories {
		if err := h.CheckHistory(stored[h.Name()]); err != nil {
			return err
		}
		delete(stored, h.Name())
	}
	for aggregate := range stored {
		return fmt.Errorf("%w: the database holds events of the aggregate %s, which no repository of the module is for; give its repository to Service.Aggregates, or run the release that wrote them",
			eventsourcing.ErrUnreadable, aggregate)
	}
	return nil
}
