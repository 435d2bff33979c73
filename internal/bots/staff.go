// Package bots is the depot's bots at work: they pick what can be picked, through
// the depot's public API, as bots of flesh and metal would.
//
//	depot := bots.In(mall)
//	ids, err := depot.Enlist(ctx, "bot", 2)
//	crew := &bots.Staff{Depot: depot, Bots: ids, Failed: func(err error) { … }}
//	err = crew.Work(ctx)
package bots

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"mallbots/internal/client"
	depotv1 "mallbots/proto/mallbots/depot/v1"
)

// Staff is some of the depot's bots, and who leads them.
type Staff struct {
	Depot  *Depot
	Bots   []string                                       // their ids
	Picked func(ctx context.Context, id, at string) error // after a list is picked; at is the position of that; may be nil
	Failed func(error)                                    // when a list could not be picked; it is tried again later

	mu      sync.Mutex
	inHand  map[string]bool
	resting map[string]time.Time // lists that failed, and until when they are left alone
}

// The dispatcher asks for lists again at once when it has found some, and ever
// less often while there are none.
const (
	shortestRest = 4 * time.Millisecond
	longestRest  = 250 * time.Millisecond
	failureRest  = 5 * time.Second
)

// Work has the bots pick until ctx ends.
func (s *Staff) Work(ctx context.Context) error {
	s.inHand, s.resting = map[string]bool{}, map[string]time.Time{}
	lists := make(chan string)
	var bots sync.WaitGroup
	for _, bot := range s.Bots {
		bots.Go(func() {
			for id := range lists {
				s.pick(ctx, id, bot)
			}
		})
	}
	err := s.dispatch(ctx, lists)
	close(lists)
	bots.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// dispatch hands out what is available, after the bots have finished what they
// held when the process that led them ended.
func (s *Staff) dispatch(ctx context.Context, lists chan<- string) error {
	if err := s.Depot.finish(ctx, s.Bots, s.Picked); err != nil && ctx.Err() == nil {
		s.Failed(err)
	}
	for rest := shortestRest; ; {
		found, err := s.handOut(ctx, lists)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			s.Failed(err)
			rest = longestRest
		case found > 0:
			rest = shortestRest
		default:
			rest = min(2*rest, longestRest)
		}
		if err := client.Sleep(ctx, rest); err != nil {
			return err
		}
	}
}

// handOut gives the bots the first page on which there is something to do.
func (s *Staff) handOut(ctx context.Context, lists chan<- string) (found int, err error) {
	req := &depotv1.ListShoppingListsRequest{Status: available, PageSize: 100}
	for {
		page, err := client.Ask(ctx, s.Depot.client, s.Depot.rpc.ListShoppingLists, req)
		if err != nil {
			return found, fmt.Errorf("list shopping lists: %w", err)
		}
		for _, list := range page.GetShoppingLists() {
			if !s.take(list.GetId()) {
				continue
			}
			found++
			select {
			case lists <- list.GetId():
			case <-ctx.Done():
				return found, ctx.Err()
			}
		}
		if req.PageToken = page.GetNextPageToken(); found > 0 || req.PageToken == "" {
			return found, nil
		}
	}
}

// take reports whether a list is now for these bots to pick.
func (s *Staff) take(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inHand[id] || time.Now().Before(s.resting[id]) {
		return false
	}
	delete(s.resting, id)
	s.inHand[id] = true
	return true
}

func (s *Staff) pick(ctx context.Context, id, bot string) {
	position, err := s.Depot.Pick(ctx, id, bot)
	if err == nil && position != "" && s.Picked != nil {
		err = s.Picked(ctx, id, position)
	}
	s.mu.Lock()
	delete(s.inHand, id)
	if err != nil {
		s.resting[id] = time.Now().Add(failureRest)
	}
	s.mu.Unlock()
	if err != nil && !errors.Is(err, context.Canceled) && ctx.Err() == nil {
		s.Failed(err)
	}
}
