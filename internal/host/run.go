package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"

	"mallbots/internal/api"
	"mallbots/internal/credential"
	"mallbots/internal/database"
	"mallbots/internal/openapi"
	"mallbots/internal/tracing"
)

// Run runs the chosen modules until ctx ends, then drains within 15 seconds:
// it stops taking requests, finishes what is in hand, and closes the broker
// and the databases. Ready is called once all modules answer.
func Run(ctx context.Context, config Config, linked []Module, ready func(Addresses)) error {
	config = config.withDefaults()
	if err := config.check(); err != nil {
		return err
	}
	modules, err := config.choose(linked)
	if err != nil {
		return err
	}
	if config.DatabaseURL == "" || config.NATSURL == "" {
		release, err := lockData(config.Data)
		if err != nil {
			return err
		}
		defer release()
		spareProcessors()
	}
	collectLess()
	p := newProcess(config, modules)
	p.linked = names(linked)
	if p.tracer, err = tracing.Open(ctx, serviceName(modules), p.log); err != nil {
		return err
	}
	return p.run(ctx, modules, ready)
}

// serviceName is what the process is called in traces, unless OTEL_SERVICE_NAME
// says otherwise.
func serviceName(modules []Module) string {
	if len(modules) == 1 {
		return "mallbots-" + modules[0].Name
	}
	return "mallbots"
}

func newProcess(config Config, modules []Module) *process {
	config.Log = tracing.Logs(config.Log)
	p := &process{Host: newHost(config), log: config.Log, modules: names(modules)}
	p.workers.log = config.Log
	return p
}

// process is one run of a host.
type process struct {
	*Host
	log      *slog.Logger
	modules  []string
	linked   []string // all that there are
	workers  workers
	servers  []*http.Server
	failed   chan error
	brokers  brokers
	stopping chan struct{}                // closed when the drain begins
	handler  atomic.Pointer[http.Handler] // of the API
	mounted  atomic.Bool                  // the modules are there

	guard        *credential.Authenticator // nil where nobody is asked who they are
	keysDB       database.DB               // of the guard
	certificates *certificates             // nil without TLS

	addresses Addresses
	residents []*resident     // one for each module, at home or not
	begin     func(*resident) // starts the loops of one
	verbs     sync.RWMutex    // held while a module moves, and by operators who change something
}

func (p *process) run(ctx context.Context, modules []Module, ready func(Addresses)) (err error) {
	// Work goes on while requests drain, so it has a context of its own.
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	p.failed = make(chan error, 2)
	p.stopping = make(chan struct{})
	p.answer(http.HandlerFunc(p.starting))

	if p.config.tls() {
		if p.certificates, err = openCertificates(p.config.Security, p.log); err != nil {
			return err
		}
	}
	if p.addresses, err = p.listen(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close(stop)) }()

	p.workers.start(working, "readiness", p.readiness.watch)
	err = p.openGuard(ctx)
	if err == nil {
		err = p.mount(ctx, modules)
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil // told to stop while it waited for a part
		}
		return err
	}
	p.keepGuard(working)
	p.begin = func(r *resident) {
		if working.Err() == nil {
			p.work(working, r)
		}
	}
	for _, r := range p.residents {
		if r.works() {
			p.begin(r)
		}
	}
	p.mounted.Store(true)
	p.workers.start(working, "moves", p.inquireAlways)
	p.readiness.check(ctx)
	p.readiness.waiting("modules", "")
	if p.guard != nil {
		p.addresses.Token = p.guard.Internal("helpers")
	}
	ready(p.addresses)

	select {
	case <-ctx.Done():
		p.log.InfoContext(ctx, "draining", "modules", p.modules)
		return nil
	case err := <-p.failed:
		return err
	}
}

// answer makes h the API from now on.
func (p *process) answer(h http.Handler) { p.handler.Store(&h) }

// construct constructs the modules.
func (p *process) construct(ctx context.Context, modules []Module) error {
	p.RPC = api.NewServer(api.Options{
		Log: p.log, Metrics: prometheus.DefaultRegisterer, Await: p.await, Admit: p.pressure.admit, Stopping: p.stopping,
		Authenticate: p.authenticate(), Rates: p.config.rates(), InFlight: p.config.InFlight,
	})
	for _, m := range modules {
		if err := m.New(ctx, p.Host); err != nil {
			return fmt.Errorf("start module %s: %w", m.Name, err)
		}
	}
	for _, s := range p.services {
		if err := errors.Join(s.Inbox.Check(), s.checkHistories(ctx)); err != nil {
			return fmt.Errorf("start module %s: %w", s.Name, err)
		}
		p.residents = append(p.residents, &resident{Service: s, gate: newGate()})
	}
	return nil
}

// mount constructs the modules, connects them, and puts their API in place of
// the one that says that the process is starting.
func (p *process) mount(ctx context.Context, modules []Module) error {
	if err := p.construct(ctx, modules); err != nil {
		return err
	}
	if err := p.connect(ctx); err != nil {
		return err
	}
	p.relays()
	if err := p.settleIn(ctx); err != nil {
		return err
	}
	if err := p.claimAll(ctx); err != nil {
		return err
	}
	r := chi.NewRouter()
	r.Use(p.tracer.Requests)
	api.Mount(r, p.RPC, api.Process{Modules: p.modules, Ready: p.ready, Door: p.door})
	openapi.Mount(r, p.modules...)
	p.mountShop(r)
	p.answer(r)
	return nil
}

// door is what requests of a module pass through.
func (p *process) door(module string, next http.Handler, refuse api.Refuse) http.Handler {
	for _, r := range p.residents {
		if r.Name == module {
			return r.gate.door(next, refuse)
		}
	}
	return next
}

// listen opens both listeners before anything else, so that probes get an
// answer from the first moment on.
func (p *process) listen() (Addresses, error) {
	apiListener, err := net.Listen("tcp", p.config.HTTP)
	if err != nil {
		return Addresses{}, fmt.Errorf("listen for the API: %w; choose another address with --http", err)
	}
	opsListener, err := net.Listen("tcp", p.config.Ops)
	if err != nil {
		return Addresses{}, errors.Join(fmt.Errorf("listen for operations: %w; choose another address with --ops", err), apiListener.Close())
	}
	addresses := Addresses{HTTP: "http://" + apiListener.Addr().String(), Ops: "http://" + opsListener.Addr().String()}
	p.serve(apiListener, p.certificates, p.config.door(p.config.HTTP, !p.config.authOn(), http.HandlerFunc(p.api)))
	if p.certificates != nil {
		addresses.HTTP, addresses.TLS = "https://"+apiListener.Addr().String(), p.certificates.client()
	}
	opsCertificates := p.certificates
	if loopback(p.config.Ops) { // a probe in the same container has no certificate
		opsCertificates = nil
	}
	if opsCertificates != nil {
		addresses.Ops = "https://" + opsListener.Addr().String()
	}
	p.serve(opsListener, opsCertificates, p.config.door(p.config.Ops, p.opsOpen(), p.guarded(p.ops())))
	return addresses, nil
}

// serve serves a listener, with TLS if there are certificates.
func (p *process) serve(l net.Listener, certificates *certificates, h http.Handler) {
	server := api.NewHTTPServer(h)
	server.ErrorLog = slog.NewLogLogger(p.log.Handler(), slog.LevelWarn)
	p.servers = append(p.servers, server)
	serve := func() error { return server.Serve(l) }
	if certificates != nil {
		server.TLSConfig = certificates.server()
		serve = func() error { return server.ServeTLS(l, "", "") }
	}
	go func() {
		if err := serve(); !errors.Is(err, http.ErrServerClosed) {
			p.failed <- fmt.Errorf("serve %s: %w", l.Addr(), err)
		}
	}()
}

// close drains in the order in which nothing is left behind: requests, then
// the loops, then the broker, then the databases.
func (p *process) close(stop context.CancelFunc) error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTime) // the caller's has ended; this is what bounds the drain
	defer cancel()
	close(p.stopping)
	var errs []error
	for _, s := range p.servers {
		patience, done := context.WithTimeout(ctx, drainTime/2)
		if err := s.Shutdown(patience); err != nil { // a watch may never end by itself
			errs = append(errs, s.Close())
		}
		done()
	}
	stop()
	finished := make(chan struct{})
	go func() { p.workers.wait.Wait(); close(finished) }()
	select {
	case <-finished:
	case <-ctx.Done():
		errs = append(errs, errors.New("drain: workers did not end in time; what they held is delivered again at the next start"))
	}
	errs = append(errs, p.brokers.close(ctx))
	for _, s := range p.services {
		errs = append(errs, s.DB.Close())
	}
	if p.keysDB != nil {
		errs = append(errs, p.keysDB.Close())
	}
	if err := p.tracer.Close(ctx); err != nil { // where traces go is no part of the mall
		p.log.Warn("drain", "error", err)
	}
	return errors.Join(errs...)
}

// spareProcessors lets more goroutines run Go code at once than there are
// cores, unless GOMAXPROCS says otherwise. A commit of an embedded database
// waits for the disk within a system call, and holds its processor until the
// scheduler takes it away, while others could work (see ADR 0019).
func spareProcessors() {
	const few = 5
	if os.Getenv("GOMAXPROCS") == "" && runtime.GOMAXPROCS(0) < few {
		runtime.GOMAXPROCS(few)
	}
}

// collectLess lets the heap grow fourfold between two collections, unless GOGC
// says otherwise: what lives is some tens of megabytes, and collecting it at
// every doubling took a tenth of the processor (see ADR 0019).
func collectLess() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}
