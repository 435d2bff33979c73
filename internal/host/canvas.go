package host

import (
	"maps"
	"slices"
)

// Canvas is what a module has registered, for those who want to see it whole.
type Canvas struct {
	Name       string
	Aggregates []string
	Rebuilt    []string // the tables that can be rebuilt from the events
	Hears      []string // the full names of the events that it acts on
	Ignores    []string // and of those that it knows and does nothing about
	Timers     []string
	Checks     []string // of its own books
	Books      []string // that others keep too
}

// Canvas returns what the module has registered.
func (s *Service) Canvas() Canvas {
	c := Canvas{Name: s.Name, Rebuilt: slices.Sorted(slices.Values(s.tables)), Timers: s.Timers.Names()}
	hears := s.Inbox.Hears()
	for _, event := range slices.Sorted(maps.Keys(hears)) {
		if hears[event] {
			c.Hears = append(c.Hears, event)
		} else {
			c.Ignores = append(c.Ignores, event)
		}
	}
	for _, h := range s.histories {
		c.Aggregates = append(c.Aggregates, h.Name())
	}
	for _, check := range s.checks {
		c.Checks = append(c.Checks, check.name)
	}
	for _, book := range s.books {
		c.Books = append(c.Books, book.name)
	}
	return c
}
