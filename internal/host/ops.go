package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"mallbots/internal/database"
	"mallbots/internal/fault"
	"mallbots/internal/operator"
	"mallbots/internal/rest"
)

// ops is the operations listener: health, metrics, profiles, and the verbs of
// the operator. It is for loopback or a private network, never for clients.
func (p *process) ops() http.Handler {
	r := chi.NewRouter()
	p.mountConsole(r)
	r.Get("/healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, map[string]bool{"alive": true}) })
	r.Get("/readyz", p.readyz)
	r.Get("/metrics", p.metrics)
	r.HandleFunc("/debug/pprof/", pprof.Index)
	r.HandleFunc("/debug/pprof/{profile}", pprof.Index)
	r.HandleFunc("/debug/pprof/profile", pprof.Profile)
	r.HandleFunc("/debug/pprof/trace", pprof.Trace)
	r.HandleFunc("/debug/pprof/symbol", pprof.Symbol)

	r.Group(func(r chi.Router) {
		r.Use(p.onceMounted, limitBody, asOperator)
		p.moves(r)
		r.Get("/quiet", verb(p.quiet))
		r.Get("/audit", verb(p.auditAll))
		r.Post("/audit", verb(p.auditAll))
		r.With(p.unmoved).Post("/projections/rebuild", verb(p.rebuildAll))
		r.With(p.unmoved).Post("/republish", verb(p.republishAll))
		r.Get("/deadletters", verb(p.deadLetters))
		r.Get("/deadletters/preview", verb(p.previewDeadLetters))
		r.Get("/deadletters/{id}", verb(p.deadLetter))
		r.With(p.unmoved).Post("/deadletters/{id}/edit", verb(p.editDeadLetter))
		r.With(p.unmoved).Post("/deadletters/{id}/retry", verb(p.retryDeadLetter))
		r.With(p.unmoved).Post("/deadletters/{id}/discard", verb(p.discardDeadLetter))
		r.Get("/keys", verb(p.keys))
		r.Post("/keys", verb(p.addKey))
		r.Post("/keys/{id}/revoke", verb(p.revokeKey))
		r.Get("/actions", verb(p.actions))
		r.Get("/lost", verb(p.lost))
		r.Get("/why", verb(p.why))
		r.Get("/stuck", verb(p.stuck))
		r.Get("/events", p.events)
		r.Get("/life", verb(p.lives))
		r.Get("/heard", verb(p.heard))
		r.Get("/traffic", verb(p.traffic))
		r.Get("/alarms", verb(p.alarmsNow))
	})
	return r
}

// metrics answers with the metrics of everything, and of this process.
func (p *process) metrics(w http.ResponseWriter, r *http.Request) {
	own := prometheus.NewRegistry()
	own.MustRegister(look{p, r.Context()})
	promhttp.HandlerFor(prometheus.Gatherers{prometheus.DefaultGatherer, own}, promhttp.HandlerOpts{}).ServeHTTP(w, r)
}

// readyz names every part, and is red when one is.
func (p *process) readyz(w http.ResponseWriter, _ *http.Request) {
	parts, ready := p.readiness.report()
	status := http.StatusOK
	if !ready {
		status = http.StatusServiceUnavailable
	}
	answer(w, status, map[string]any{"ready": ready, "parts": parts})
}

// ready is what gRPC health answers.
func (p *process) ready() error {
	if broken := p.readiness.broken(); broken != "" {
		return errors.New(broken)
	}
	return nil
}

// starting answers API calls that come before the modules are there.
func (p *process) starting(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Retry-After", "1")
	w.WriteHeader(http.StatusServiceUnavailable)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"type": "about:blank", "title": "Service Unavailable", "status": http.StatusServiceUnavailable,
		"code": "STARTING", "detail": "the process is starting and waits for: " + p.readiness.broken(),
	})
}

// onceMounted keeps verbs away until the modules are there.
func (p *process) onceMounted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !p.mounted.Load() {
			answer(w, http.StatusServiceUnavailable, map[string]string{"error": "starting, waiting for: " + p.readiness.broken()})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// limitBody bounds how long the body of a request may take.
func limitBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(rest.BodyTimeout)) // where it can't be set, the server's holds
		}
		next.ServeHTTP(w, r)
	})
}

// unmoved keeps away what changes a module's data while a module moves.
func (p *process) unmoved(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.verbs.RLock()
		defer p.verbs.RUnlock()
		next.ServeHTTP(w, r)
	})
}

// verb makes a handler of a function that answers JSON.
func verb(do func(r *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		result, err := do(r)
		if err != nil {
			status := fault.KindOf(err).Status()
			answer(w, status, map[string]string{"error": err.Error()})
			return
		}
		answer(w, http.StatusOK, result)
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client is gone; nobody is left to tell
}

// await waits until a module has applied what Mallbots-After names.
func (p *process) await(ctx context.Context, module, source, key string, sequence int64) (bool, error) {
	for _, s := range p.here() {
		if s.Name == module {
			return s.Inbox.Await(ctx, source, key, sequence)
		}
	}
	return true, nil
}

// behind counts what is still to be published, consumed or fired.
func (p *process) behind(ctx context.Context) (int64, error) {
	var behind int64
	for _, s := range p.here() {
		n, err := s.behind(ctx)
		if err != nil {
			return 0, err
		}
		behind += n
	}
	return behind, nil
}

// quiet says whether anything is still to be published, consumed or fired.
func (p *process) quiet(r *http.Request) (any, error) {
	behind, err := p.behind(r.Context())
	if err != nil {
		return nil, err
	}
	return map[string]any{"quiet": behind == 0, "behind": behind}, nil
}

// longestWait bounds how long an audit waits for quiet.
const longestWait = 5 * time.Minute

// auditAll waits until this process is quiet, at most as long as asked, and
// checks the books of its modules.
func (p *process) auditAll(r *http.Request) (any, error) {
	wait := time.Duration(0)
	if text := r.URL.Query().Get("wait"); text != "" {
		var err error
		if wait, err = time.ParseDuration(text); err != nil || wait < 0 || wait > longestWait {
			return nil, fault.New(fault.Invalid, "WAIT_INVALID", "wait must be a duration from 0s to 5m, such as 10s")
		}
	}
	if err := p.settle(r.Context(), wait); err != nil {
		return nil, err
	}
	reports, err := p.reports(r.Context())
	if err != nil {
		return nil, err
	}
	return map[string]any{"modules": reports}, nil
}

// reports audits each module.
func (p *process) reports(ctx context.Context) ([]Report, error) {
	reports := []Report{}
	for _, s := range p.here() {
		report, err := s.audit(ctx)
		if err != nil {
			return nil, err
		}
		reports = append(reports, report)
	}
	return reports, nil
}

// settle waits until nothing is behind, or for as long as it may.
func (p *process) settle(ctx context.Context, wait time.Duration) error {
	deadline := time.Now().Add(wait)
	for {
		behind, err := p.behind(ctx)
		if err != nil {
			return err
		}
		if behind == 0 || time.Now().After(deadline) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// chosen returns the services that ?module= names; none means all.
func (p *process) chosen(r *http.Request) ([]*Service, error) {
	name := r.URL.Query().Get("module")
	if name == "" {
		return p.here(), nil
	}
	for _, s := range p.here() {
		if s.Name == name {
			return []*Service{s}, nil
		}
	}
	return nil, fault.New(fault.NotFound, "MODULE_NOT_HERE", fmt.Sprintf("module %q does not run in this process; it runs %v", name, p.modules))
}

func (p *process) rebuildAll(r *http.Request) (any, error) {
	services, err := p.chosen(r)
	if err != nil {
		return nil, err
	}
	rebuilt := []string{}
	for _, s := range services {
		err := s.DB.InTx(r.Context(), func(tx database.Tx) error {
			operator.Record(r.Context(), tx, operator.Action{Verb: "rebuild", Target: s.Name})
			return s.rebuild(r.Context(), tx)
		})
		if err != nil {
			return nil, fmt.Errorf("rebuild %s: %w", s.Name, err)
		}
		rebuilt = append(rebuilt, s.tables...)
	}
	return map[string]any{"rebuilt": rebuilt}, nil
}
