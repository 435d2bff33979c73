package host

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"mallbots/internal/api"
)

// resident is a module in this process: its service, the gate of its API, and
// its loops while it is at home.
type resident struct {
	*Service
	gate *gate

	mu      sync.Mutex
	where   residence
	working *workers           // nil while it does not work
	stop    context.CancelFunc // ends them
	lease   *lease             // while it is about to leave
	release func()             // ends the claim of that
	busy    bool               // a move is under way
}

// claim takes the module for a move; only one at a time has it.
func (r *resident) claim() (release func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.busy {
		return nil, errMoveUnderWay.With("%s", r.Name)
	}
	r.busy = true
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.busy = false
	}, nil
}

// residence is where the module lives.
func (r *resident) residence() residence {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.where
}

// settled notes where the module lives.
func (r *resident) settled(where residence) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.where = where
}

// works says whether the module is at work in this process.
func (r *resident) works() bool { return !r.asleep.Load() }

// doubtful says whether the module may not be where this process believes. It
// claims nothing, so that no move is refused because somebody had a look.
func (r *resident) doubtful(ctx context.Context) bool {
	if !r.works() {
		return r.residence().State == Ready
	}
	where, err := readResidence(ctx, r.DB)
	return err != nil || !where.home()
}

// settleIn reads where each module lives, and sets the gates accordingly.
func (p *process) settleIn(ctx context.Context) error {
	for _, r := range p.residents {
		where, err := readResidence(ctx, r.DB)
		if err != nil {
			return fmt.Errorf("module %s: %w", r.Name, err)
		}
		r.settled(where)
		r.asleep.Store(!where.home() || where.State == "" && p.config.Standby)
		switch {
		case where.State == "" && p.config.Standby:
			r.gate.set(standby)
		case where.home():
		case where.API != "":
			p.log.WarnContext(ctx, "the module was moved to another process: its requests are sent there", "module", r.Name, "to", where.API, "since", where.Since)
			if err := r.gate.sendTo(where.API); err != nil {
				return fmt.Errorf("module %s was moved: %w", r.Name, err)
			}
		default:
			r.gate.set(standby)
		}
		p.readiness.add(r.Name+".residence", "", func(context.Context) error { return r.present() })
	}
	return nil
}

// present says why the module is not here, nil when it is, or is where it was
// moved to.
func (r *resident) present() error {
	where := r.residence()
	if where.API != "" || r.works() {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lease != nil {
		return nil // for a moment
	}
	if where.State == Ready {
		return fmt.Errorf("it was copied, and waits for %s to say whether it has let it go", where.Ops)
	}
	return errors.New("it stands by; hand it over with: mallbots move " + r.Name)
}

// work starts the loops of the module, which end with ctx or with rest.
func (p *process) work(ctx context.Context, r *resident) {
	ctx, stop := context.WithCancel(ctx)
	w := &workers{log: p.log}
	r.mu.Lock()
	r.working, r.stop = w, stop
	r.mu.Unlock()
	r.asleep.Store(false)
	w.start(ctx, r.Name+".relay", p.orEnd(r.relay.Run))
	w.start(ctx, r.Name+".inbox", p.orEnd(func(ctx context.Context) error {
		if err := p.claim(ctx, r.Service); err != nil {
			return err
		}
		return r.Inbox.Run(ctx, p.brokers.of[r.Name])
	}))
	w.start(ctx, r.Name+".timers", r.Timers.Run)
	w.start(ctx, r.Name+".pressure", func(ctx context.Context) error { return p.pressure.watch(ctx, r.Service) })
	w.every(ctx, time.Hour, r.Name+".idempotency", func(ctx context.Context) error { return api.PruneIdempotency(ctx, r.DB) })
	p.workers.wait.Go(w.wait.Wait)
}

// rest ends the loops, and returns when they have, or with an error when ctx
// ends before: then they end later, when ended is closed.
func (r *resident) rest(ctx context.Context) (ended <-chan struct{}, err error) {
	r.mu.Lock()
	w, stop := r.working, r.stop
	r.mu.Unlock()
	r.asleep.Store(true)
	stop()
	done := make(chan struct{})
	go func() { w.wait.Wait(); close(done) }()
	select {
	case <-done:
		return done, nil
	case <-ctx.Done():
		return done, errors.New("its loops did not end in time")
	}
}

// here are the services of the modules that are at home in this process.
func (p *process) here() []*Service {
	var all []*Service
	for _, r := range p.residents {
		if r.works() {
			all = append(all, r.Service)
		}
	}
	return all
}

// resident returns a module of this process.
func (p *process) resident(name string) (*resident, error) {
	for _, r := range p.residents {
		if r.Name == name {
			return r, nil
		}
	}
	return nil, errNotHere.With("%q; it has %v", name, p.modules)
}
