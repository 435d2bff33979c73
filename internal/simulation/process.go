package simulation

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"mallbots/baskets"
	"mallbots/depot"
	"mallbots/internal/database"
	"mallbots/internal/host"
	"mallbots/internal/inbox"
	"mallbots/internal/outbox"
	"mallbots/internal/timers"
	"mallbots/ordering"
	"mallbots/stores"
)

var moduleNames = []string{"stores", "baskets", "ordering", "depot"}

// Modules are the mall's.
func Modules() []host.Module {
	return []host.Module{
		{Name: "stores", New: stores.New},
		{Name: "baskets", New: baskets.New},
		{Name: "ordering", New: ordering.New},
		{Name: "depot", New: depot.New},
	}
}

// process is one life of the mall's process.
type process struct {
	life     int
	dead     bool
	ctx      context.Context
	cancel   context.CancelFunc
	assembly *host.Assembly
	modules  []*running
	clients  *clients
}

// running is a module at work.
type running struct {
	service   *host.Service
	relay     *outbox.Steps
	inbox     *inbox.Steps
	relayAt   time.Time // when the relay looks without being woken, or tries again
	failures  int       // of the relay, one after the other
	timersAt  time.Time // when a timer may be due
	compareAt time.Time // when the inbox compares itself with the broker
}

// folder is where the simulated files seem to be. The databases of production
// look whether theirs is there.
var folder = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "mallbots-simulation-")
	if err != nil {
		return "", err
	}
	for _, name := range moduleNames {
		if err := os.WriteFile(filepath.Join(dir, name+".db"), nil, 0o600); err != nil {
			return "", err
		}
	}
	return dir, nil
})

// start begins another life on the disks and the bus as they are.
func start(ctx context.Context, w *World, life int) (*process, error) {
	dir, err := folder()
	if err != nil {
		return nil, err
	}
	p := &process{life: life}
	p.ctx, p.cancel = context.WithCancel(ctx)
	w.process = p
	w.starting = true
	defer func() { w.starting = false }()
	for _, name := range moduleNames {
		disks.mount(filepath.Join(dir, name+".db"), w.disks[name])
	}
	config := host.Config{Data: dir, Log: slog.New(slog.DiscardHandler)}
	if w.log != nil {
		config.Log = w.log
	}
	p.assembly, err = host.Assemble(p.ctx, config, host.Parts{
		Open: func(ctx context.Context, config database.Config, migrations fs.FS) (database.DB, error) {
			config.Driver = driverName
			return database.Open(ctx, config, migrations)
		},
		Stream: func(module string) outbox.Stream { return &port{bus: w.bus, module: module, life: life} },
		Health: func() error { return w.bus.reachable(life) },
		Inbox:  []inbox.Option{inbox.Chance(w.chance), inbox.Witness(witness)},
		Timers: []timers.Option{timers.Chance(w.chance)},
	}, Modules())
	if err != nil {
		return nil, fmt.Errorf("start the process: %w", err)
	}
	for _, service := range p.assembly.Services() {
		m := &running{service: service, relay: service.Relay().Steps()}
		if m.inbox, err = service.Inbox.Steps(w.bus); err != nil {
			return nil, fmt.Errorf("start the inbox of %s: %w", service.Name, err)
		}
		m.relayAt, m.timersAt, m.compareAt = time.Now(), time.Now(), time.Now()
		for _, source := range service.Inbox.Sources() {
			w.bus.durable(m.inbox.Durable(source), source)
		}
		p.modules = append(p.modules, m)
	}
	p.clients = newClients(p.assembly.RPC())
	p.assembly.CheckHealth(p.ctx)
	return p, nil
}

// witness writes down, in the transaction of the effects, that a consumer
// handled a message. Nothing keeps it from doing so twice.
func witness(_ context.Context, tx database.Tx, consumer, message string) error {
	tx.Queue(database.Statement{
		SQL: `INSERT INTO simulation_effects (consumer, message_id) VALUES ($1, $2)`, Args: []any{consumer, message},
	})
	return nil
}

// stop ends a life in an orderly way.
func (p *process) stop() error {
	for _, m := range p.modules {
		for m.relay.Unmoved() {
			if err := m.relay.Move(p.ctx); err != nil {
				break // the next one finds out
			}
		}
		m.relay.Stop()
		m.inbox.Stop()
	}
	return p.bury()
}

// bury ends what a dead process has left running.
func (p *process) bury() error {
	p.cancel()
	var first error
	for _, m := range p.modules {
		if err := m.service.DB.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}
