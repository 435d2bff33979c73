package console

import (
	"context"
	"errors"
	"sync"
	"time"

	"mallbots/internal/web"
)

// traffic is what passes between one module and the others, counted since its
// process started.
type traffic struct {
	Module           string
	Published        map[string]float64
	Hears            []hearing
	Lag, DeadLetters map[string]float64
	Outbox           float64
	OutboxAge        float64
}

// hearing is what became of the events of one type that a module hears.
type hearing struct {
	Source, Type         string
	Handled              bool
	Outcomes             map[string]float64
	Failed, DeadLettered float64
}

// heard is how many of them arrived, whatever became of them.
func (h hearing) heard() (n float64) {
	for _, count := range h.Outcomes {
		n += count
	}
	return n
}

// sample is the traffic of all processes at a moment.
type sample struct {
	at      time.Time
	traffic []traffic
}

// samples keeps those of the last minute, so that two make a rate. There is one
// a second at most, however many people watch.
type samples struct {
	mu  sync.Mutex
	all []sample
}

const (
	sampleEvery = time.Second
	sampleKeep  = time.Minute
)

// now is the traffic at the moment, or a second ago.
func (s *samples) now(ctx context.Context, mall *web.Mall) (sample, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) > 0 && time.Since(s.all[len(s.all)-1].at) < sampleEvery {
		return s.all[len(s.all)-1], nil
	}
	next := sample{at: time.Now()}
	var errs []error
	for _, p := range mall.Processes() {
		var answer struct{ Traffic []traffic }
		if err := p.Get(ctx, "/traffic", nil, &answer); err != nil {
			errs = append(errs, err)
			continue
		}
		next.traffic = append(next.traffic, answer.Traffic...)
	}
	if len(next.traffic) == 0 {
		return next, errors.Join(errs...)
	}
	s.all = append(s.all, next)
	for len(s.all) > 1 && next.at.Sub(s.all[0].at) > sampleKeep {
		s.all = s.all[1:]
	}
	return next, nil
}

// before is the traffic some time ago, the oldest that is kept when it is not so
// long.
func (s *samples) before(ago time.Duration) sample {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) == 0 {
		return sample{}
	}
	latest := s.all[len(s.all)-1].at
	for i := len(s.all) - 1; i > 0; i-- {
		if latest.Sub(s.all[i].at) >= ago {
			return s.all[i]
		}
	}
	return s.all[0]
}

// of is the traffic of a module in the sample, with that of its replicas.
func (s sample) of(module string) traffic {
	sum := traffic{Module: module, Published: map[string]float64{}, Lag: map[string]float64{}, DeadLetters: map[string]float64{}}
	at := map[[2]string]int{}
	for _, t := range s.traffic {
		if t.Module != module {
			continue
		}
		for name, n := range t.Published {
			sum.Published[name] += n
		}
		for name, n := range t.Lag {
			sum.Lag[name] = max(sum.Lag[name], n) // replicas report the same ones
		}
		for name, n := range t.DeadLetters {
			sum.DeadLetters[name] = max(sum.DeadLetters[name], n)
		}
		sum.Outbox, sum.OutboxAge = max(sum.Outbox, t.Outbox), max(sum.OutboxAge, t.OutboxAge)
		for _, h := range t.Hears {
			key := [2]string{h.Source, h.Type}
			i, known := at[key]
			if !known {
				at[key] = len(sum.Hears)
				sum.Hears = append(sum.Hears, h)
				continue
			}
			into := &sum.Hears[i]
			outcomes := map[string]float64{}
			for _, from := range []map[string]float64{into.Outcomes, h.Outcomes} {
				for name, n := range from {
					outcomes[name] += n
				}
			}
			into.Outcomes, into.Failed, into.DeadLettered = outcomes, into.Failed+h.Failed, into.DeadLettered+h.DeadLettered
		}
	}
	return sum
}

// modules are those of the sample, each once.
func (s sample) modules() []string {
	var names []string
	seen := map[string]bool{}
	for _, t := range s.traffic {
		if !seen[t.Module] {
			seen[t.Module] = true
			names = append(names, t.Module)
		}
	}
	return names
}
