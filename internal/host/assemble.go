package host

import (
	"context"
	"io/fs"

	"connectrpc.com/connect/v2"

	"mallbots/internal/database"
	"mallbots/internal/inbox"
	"mallbots/internal/outbox"
	"mallbots/internal/timers"
)

// Parts are what modules run on. Run opens the real ones; a simulator brings
// its own.
type Parts struct {
	Open   func(ctx context.Context, config database.Config, migrations fs.FS) (database.DB, error)
	Stream func(module string) outbox.Stream
	Health func() error // of the broker; only Assemble asks
	Inbox  []inbox.Option
	Timers []timers.Option
}

// Assembly is modules that are mounted on parts of the caller's. Nothing of it
// runs by itself: no listener, no relay, no inbox, no timer. Whoever assembled
// it drives them, step by step.
type Assembly struct{ p *process }

// Assemble mounts modules as Run would, on other parts.
func Assemble(ctx context.Context, config Config, parts Parts, modules []Module) (*Assembly, error) {
	config = config.withDefaults()
	p := newProcess(config, modules)
	p.parts = parts
	p.stopping = make(chan struct{})
	p.readiness.add("broker", "", func(context.Context) error { return parts.Health() })
	if err := p.construct(ctx, modules); err != nil {
		return nil, err
	}
	p.relays()
	p.readiness.waiting("modules", "")
	return &Assembly{p}, nil
}

// RPC is the server of the modules' API.
func (a *Assembly) RPC() *connect.Server { return a.p.RPC }

// Services are the modules' services, in the order of the modules.
func (a *Assembly) Services() []*Service { return a.p.services }

// CheckHealth asks every part for its health, as a running process does four
// times a second.
func (a *Assembly) CheckHealth(ctx context.Context) { a.p.readiness.check(ctx) }

// Audit checks the books of the modules.
func (a *Assembly) Audit(ctx context.Context) ([]Report, error) { return a.p.reports(ctx) }

// Relay is what publishes the module's events.
func (s *Service) Relay() *outbox.Relay { return s.relay }
