package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	depotv1 "mallbots/proto/mallbots/depot/v1"
)

// staff is the depot's bots at work: they pick what can be picked.
type staff struct {
	mall   *mall
	bots   []string                                       // their ids
	picked func(ctx context.Context, id, at string) error // after a list is picked; at is the position of that
	failed func(error)                                    // when a list could not be picked; it is tried again later

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

// work has the bots pick until ctx ends.
func (s *staff) work(ctx context.Context) error {
	s.inHand, s.resting = map[string]bool{}, map[string]time.Time{}
	lists := make(chan string)
	var bots sync.WaitGroup
	for _, bot := range s.bots {
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
func (s *staff) dispatch(ctx context.Context, lists chan<- string) error {
	if err := s.mall.finish(ctx, s.bots, s.picked); err != nil && ctx.Err() == nil {
		s.failed(err)
	}
	for rest := shortestRest; ; {
		found, err := s.handOut(ctx, lists)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			s.failed(err)
			rest = longestRest
		case found > 0:
			rest = shortestRest
		default:
			rest = min(2*rest, longestRest)
		}
		if err := sleep(ctx, rest); err != nil {
			return err
		}
	}
}

// handOut gives the bots the first page on which there is something to do.
func (s *staff) handOut(ctx context.Context, lists chan<- string) (found int, err error) {
	req := &depotv1.ListShoppingListsRequest{Status: available, PageSize: 100}
	for {
		page, err := ask(ctx, s.mall, s.mall.depot.ListShoppingLists, req)
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
func (s *staff) take(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inHand[id] || time.Now().Before(s.resting[id]) {
		return false
	}
	delete(s.resting, id)
	s.inHand[id] = true
	return true
}

func (s *staff) pick(ctx context.Context, id, bot string) {
	position, err := s.mall.pick(ctx, id, bot)
	if err == nil && position != "" && s.picked != nil {
		err = s.picked(ctx, id, position)
	}
	s.mu.Lock()
	delete(s.inHand, id)
	if err != nil {
		s.resting[id] = time.Now().Add(failureRest)
	}
	s.mu.Unlock()
	if err != nil && !errors.Is(err, context.Canceled) && ctx.Err() == nil {
		s.failed(err)
	}
}
