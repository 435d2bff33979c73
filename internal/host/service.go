package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync/atomic"
	"time"

	"connectrpc.com/connect/v2"

	"mallbots/internal/database"
	"mallbots/internal/failpoint"
	"mallbots/internal/inbox"
	"mallbots/internal/outbox"
	"mallbots/internal/timers"
	"mallbots/internal/tracing"
)

// Host is the process, as a module's constructor sees it.
type Host struct {
	RPC      *connect.Server // where a module registers its API
	Currency string          // the one currency that the mall trades in

	config    Config
	parts     Parts
	readiness *readiness
	pressure  *pressure
	services  []*Service
	tracer    *tracing.Tracer // nil when nobody wants traces
	migrating bool            // nobody else will do it
}

// newHost is a host of real databases.
func newHost(config Config) *Host {
	return &Host{
		Currency: config.Currency, config: config, readiness: newReadiness(), pressure: newPressure(config),
		parts: Parts{Open: database.Open},
	}
}

// Service is what a module gets: a database of its own, and what moves events
// into and out of it.
type Service struct {
	Name   string
	DB     database.DB
	Inbox  *inbox.Inbox
	Timers *timers.Timers
	Log    *slog.Logger
	Now    func() time.Time // by which deadlines run, whatever becomes of the machine's clock

	asleep    atomic.Bool // it is not at home in this process
	readiness *readiness
	relay     *outbox.Relay // nil until the module's constructor is done
	claimed   bool          // the stream was found to be this database's
	books     []book
	checks    []check
	tables    []string
	rebuilds  []Rebuilder
	snapshots []Snapshotter
	histories []History

	describes  []func(ctx context.Context, q database.Querier, id string) ([]Subject, error)
	unfinished []func(ctx context.Context, q database.Querier, before time.Time, limit int) ([]Subject, error)
}

// Rebuilder projects the aggregates of one kind anew; repositories do.
type Rebuilder interface {
	Name() string
	Rebuild(ctx context.Context, tx database.Tx) error
}

// Service opens a module's database, migrated to what this binary knows, and
// returns what the module is built on. A database that is unreachable, or that
// somebody with more rights has to migrate, is tried again until ctx ends;
// readiness names it meanwhile.
func (h *Host) Service(ctx context.Context, name string, migrations fs.FS) (*Service, error) {
	log := h.config.Log.With("module", name)
	part := name + ".database"
	config := database.Config{Module: name, Dir: h.config.Data, URL: h.config.DatabaseURL.Reveal(), Log: h.config.Log}
	db, err := h.readiness.await(ctx, part, log, h.migrating, func() (database.DB, error) { return h.parts.Open(ctx, config, migrations) })
	if err != nil {
		return nil, fmt.Errorf("open the database of %s: %w", name, err)
	}

	watched, err := witness(ctx, db)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	clock := newClock(failpoint.Now, func(ctx context.Context) (bool, error) { return database.CompareClock(ctx, db) }, log)
	s := &Service{
		Name: name, DB: db, Log: log, Now: clock.now, readiness: h.readiness,
		Inbox:  inbox.New(db, log, append(append(watched, inbox.Trace(h.tracer)), h.parts.Inbox...)...),
		Timers: timers.New(db, log, append([]timers.Option{timers.Trace(h.tracer), timers.Clock(clock.now)}, h.parts.Timers...)...),
	}
	h.services = append(h.services, s)
	h.readiness.add(part, name, db.Ping)
	h.readiness.add(name+".replicas", name, func(context.Context) error { return h.together(db) })
	h.readiness.add(name+".consumer", name, s.awake(func() error { return s.Inbox.Health() }))
	h.readiness.add(name+".timers", name, s.awake(func() error { return s.Timers.Health() }))
	h.readiness.add(name+".clock", name, clock.check)
	h.readiness.add(name+".outbox", name, func(context.Context) error { return h.pressure.admit(name) })
	return s, nil
}

// awake asks for the health of what only runs where the module is at home.
func (s *Service) awake(health func() error) func(context.Context) error {
	return func(context.Context) error {
		if s.asleep.Load() {
			return nil
		}
		return health()
	}
}

// together is an error when several processes use a module's database and each
// has a broker of its own: the one that publishes would be heard by itself alone.
func (h *Host) together(db database.DB) error {
	if others := len(database.CrewOf(db).Members) - 1; others > 0 && h.parts.Stream == nil && h.config.NATSURL == "" {
		return fmt.Errorf("%d more processes use this database, and the broker is in this one: give all of them the same --nats-url", others)
	}
	return nil
}

// HealthySince is since when the module's database, relay, consumers and
// timers, and the broker, have all been well without a break; the zero time
// when one is not. A deadline on somebody else's answer runs only meanwhile.
func (s *Service) HealthySince() time.Time { return s.readiness.healthySince(s.Name) }

// Tables names the module's own read models: what Rebuildable repositories
// project into, and nothing else. They are cleared before a rebuild.
func (s *Service) Tables(names ...string) { s.tables = append(s.tables, names...) }

// Rebuildable names the repositories that fill Tables, in the order in which
// they are projected anew.
func (s *Service) Rebuildable(repositories ...Rebuilder) {
	s.rebuilds = append(s.rebuilds, repositories...)
}

// Snapshotter publishes the state of the aggregates of one kind again;
// eventsourcing.Snapshots are some.
type Snapshotter interface {
	Name() string
	// Page returns the ids of the next aggregates after one, in order.
	Page(ctx context.Context, q database.Querier, after string, limit int) ([]string, error)
	// Publish publishes what one of them is now.
	Publish(ctx context.Context, tx database.Tx, id string) error
}

// Republishable names what can be published again as snapshots, for consumers
// that come after the stream has forgotten. The keys of the snapshots are the
// ids of the aggregates.
func (s *Service) Republishable(snapshots ...Snapshotter) {
	s.snapshots = append(s.snapshots, snapshots...)
}

type check struct {
	name string
	run  func(ctx context.Context, q database.Querier) error
}

// Check adds a check of the module's books to the audit; its error says what
// does not hold.
func (s *Service) Check(name string, run func(ctx context.Context, q database.Querier) error) {
	s.checks = append(s.checks, check{name, run})
}

type book struct {
	name string
	read func(ctx context.Context, q database.Querier) (map[string]string, error)
}

// Book adds a book to the audit. Books of the same name that two modules keep
// must agree, key by key.
func (s *Service) Book(name string, read func(ctx context.Context, q database.Querier) (map[string]string, error)) {
	s.books = append(s.books, book{name, read})
}
