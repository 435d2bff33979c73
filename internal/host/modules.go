package host

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"mallbots/internal/broker"
)

// Whereabouts is what a process says of one of its modules.
type Whereabouts struct {
	Module  string    `json:"module"`
	Works   bool      `json:"works"`           // it is at work in this process
	State   State     `json:"state,omitempty"` // of its database; nothing for a module that never moved
	Standby bool      `json:"standby"`         // it waits to be moved here
	Leaving bool      `json:"leaving"`         // a move is under way, and not decided
	Move    string    `json:"move,omitempty"`  // the id of the latest move
	Peer    string    `json:"peer,omitempty"`  // the API of the other process of that move, when the module is there
	Since   time.Time `json:"since,omitzero"`
	API     string    `json:"api"`              // of this process
	Stream  string    `json:"stream,omitempty"` // the life of the module's stream, which tells one broker from another
	Problem string    `json:"problem,omitempty"`
}

// moves are the verbs by which modules go from one process to another.
func (p *process) moves(r chi.Router) {
	r.Get("/modules", verb(p.listModules))
	r.Get("/modules/{module}", verb(p.showModule))
	r.Get("/modules/{module}/rows", p.rows)
	r.Post("/modules/{module}/leave", verb(p.leave))
	r.Post("/modules/{module}/stay", verb(p.stay))
	r.Post("/modules/{module}/goodbye", verb(p.goodbye))
	r.Post("/modules/{module}/arrive", verb(p.arrive))
}

func (p *process) listModules(r *http.Request) (any, error) {
	all := []Whereabouts{}
	for _, m := range p.residents {
		all = append(all, p.whereabouts(r.Context(), m))
	}
	return map[string]any{"modules": all}, nil
}

func (p *process) showModule(r *http.Request) (any, error) {
	m, err := p.resident(chi.URLParam(r, "module"))
	if err != nil {
		return nil, err
	}
	return p.whereabouts(r.Context(), m), nil
}

func (p *process) whereabouts(ctx context.Context, r *resident) Whereabouts {
	where := r.residence()
	w := Whereabouts{
		Module: r.Name, Works: r.works(), State: where.State, Move: where.Move, Since: where.Since, Peer: where.API,
		Standby: !r.works() && where.State != Away, API: p.addresses.HTTP,
	}
	r.mu.Lock()
	w.Leaving = r.busy
	r.mu.Unlock()
	if w.Leaving {
		w.Standby = false
	}
	if err := r.DB.Ping(ctx); err != nil {
		w.Problem = err.Error()
		return w
	}
	state, err := p.brokers.of[r.Name].Stream(r.Name).State(ctx)
	if err != nil && !errors.Is(err, broker.ErrNoStream) {
		w.Problem = err.Error()
	}
	w.Stream = state.Epoch
	return w
}

// asked reads which module a request is about, and what it asks.
func (p *process) asked(r *http.Request) (*resident, Leaving, error) {
	var body Leaving
	m, err := p.resident(chi.URLParam(r, "module"))
	if err != nil {
		return nil, body, err
	}
	if r.Method == http.MethodPost {
		if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<16)).Decode(&body); err != nil {
			return nil, body, errMoveMalformed.With("%s", err)
		}
	}
	return m, body, nil
}
