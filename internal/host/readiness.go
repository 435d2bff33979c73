package host

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Part is one thing that must work for the process to be ready.
type Part struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
}

// readiness asks each part for its health, a few times a second, and keeps
// the answers: a probe never waits for a database.
type readiness struct {
	mu      sync.Mutex
	parts   []part
	last    []Part
	since   map[string]time.Time // by module: since when all its parts are healthy
	pending map[string]string    // what start-up still waits for
}

type part struct {
	name   string
	module string // empty: every module depends on it
	check  func(ctx context.Context) error
	remark func() string // what is worth knowing of one that is well; may be nil
}

const healthEvery = 250 * time.Millisecond

func newReadiness() *readiness {
	return &readiness{since: map[string]time.Time{}, pending: map[string]string{"modules": "starting"}}
}

// add registers a part of a module, or of all modules.
func (r *readiness) add(name, module string, check func(ctx context.Context) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.parts = append(r.parts, part{name: name, module: module, check: check})
}

// remark adds what is worth knowing of a part while it is well.
func (r *readiness) remark(name string, what func() string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.parts {
		if r.parts[i].name == name {
			r.parts[i].remark = what
		}
	}
}

// waiting says what start-up waits for under name; an empty detail says that
// it waits no longer.
func (r *readiness) waiting(name, detail string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if detail == "" {
		delete(r.pending, name)
		return
	}
	r.pending[name] = detail
}

// watch checks until ctx ends.
func (r *readiness) watch(ctx context.Context) error {
	tick := time.NewTicker(healthEvery)
	defer tick.Stop()
	for {
		r.check(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (r *readiness) check(ctx context.Context) {
	r.mu.Lock()
	parts := slices.Clone(r.parts)
	r.mu.Unlock()

	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	result := make([]Part, len(parts))
	sick := map[string]bool{}
	for i, p := range parts {
		result[i] = Part{Name: p.name, OK: true}
		if p.remark != nil {
			result[i].Detail = p.remark()
		}
		if err := p.check(ctx); err != nil {
			result[i] = Part{Name: p.name, Detail: err.Error()}
			sick[p.module] = true
		}
	}

	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = result
	for _, p := range parts {
		switch {
		case sick[p.module] || sick[""]:
			r.since[p.module] = time.Time{}
		case r.since[p.module].IsZero():
			r.since[p.module] = time.Now()
		}
	}
}

// report returns every part, and whether all are well.
func (r *readiness) report() (parts []Part, ready bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	parts = slices.Clone(r.last)
	for name, detail := range r.pending {
		parts = append(parts, Part{Name: name, Detail: detail})
	}
	slices.SortFunc(parts, func(a, b Part) int { return cmp.Compare(a.Name, b.Name) })
	return parts, !slices.ContainsFunc(parts, func(p Part) bool { return !p.OK })
}

// broken describes what is not well, in one line.
func (r *readiness) broken() string {
	parts, _ := r.report()
	line := ""
	for _, p := range parts {
		if !p.OK {
			line += fmt.Sprintf("%s: %s; ", p.Name, p.Detail)
		}
	}
	return line
}

// healthySince is since when all parts of a module have been well without a
// break, or the zero time when one is not.
func (r *readiness) healthySince(module string) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	own, all := r.since[module], r.since[""]
	if own.IsZero() || all.IsZero() {
		return time.Time{}
	}
	if own.After(all) {
		return own
	}
	return all
}
