package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// starting is how long the embedded server may take to recover its streams.
const starting = 30 * time.Second

// localServer is a server in this process, which can be started again.
type localServer struct {
	dir   string
	log   *slog.Logger
	users map[string]*localUser // by name; none means that everybody may do everything

	mu     sync.Mutex
	server *server.Server // nil while it does not run
	closed bool           // it is not started any more
}

// Embedded starts a server in this process that keeps its streams below dir
// and listens on no port. It acknowledges a message only when the disk has it.
//
// After a stop that was not clean the store is examined first, in a process of
// its own with bounded memory; see examineStore. One that is damaged, or does
// not start, is moved to dir/quarantine, and the server starts with none: the
// relays fill the streams again from their databases.
//
// The one connection may do everything; StartServer is for several, each with
// rights of its own.
func Embedded(ctx context.Context, dir string, log *slog.Logger) (*Broker, error) {
	s, err := startServer(ctx, &localServer{dir: dir, log: log}, log)
	if err != nil {
		return nil, err
	}
	b, err := open(ctx, &Broker{log: log, embedded: s.local, server: s, login: []nats.Option{nats.Name("mallbots")}})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return b, nil
}

// start starts the server on a store that is sound.
func (e *localServer) start(ctx context.Context) error {
	if err := os.MkdirAll(e.dir, 0o700); err != nil {
		return fmt.Errorf("broker: %w", err)
	}
	if e.unclean() && !e.cramped() {
		err := examineStore(ctx, e.dir)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, errDamaged):
			if err := e.quarantine(err); err != nil {
				return err
			}
		case err != nil: // the server finds out by itself, in this process
			e.log.WarnContext(ctx, "broker: the store could not be examined", "error", err)
		}
	}
	if err := e.mark(); err != nil {
		return err
	}
	s, err := e.run()
	if err != nil && !e.cramped() && ctx.Err() == nil {
		if err := e.quarantine(err); err != nil {
			return err
		}
		s, err = e.run()
	}
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		stop(s)
		return errors.New("broker: closed while the server was starting")
	}
	e.server = s
	return nil
}

// run starts a server whose streams are all there.
func (e *localServer) run() (*server.Server, error) {
	options := &server.Options{
		ServerName: "mallbots",
		StoreDir:   e.dir, // the server adds the folder jetstream
		DontListen: true,
	}
	for _, user := range e.users {
		options.Nkeys = append(options.Nkeys, user.option())
	}
	s, err := start(options, e.log)
	if err != nil {
		return nil, err
	}
	if err := wellness(s); err != nil {
		stop(s)
		return nil, fmt.Errorf("broker: embedded server: %w", err)
	}
	return s, nil
}

// restart stops the server and starts it again.
func (e *localServer) restart(ctx context.Context) error {
	e.mu.Lock()
	s := e.server
	e.server = nil
	e.mu.Unlock()
	if s != nil {
		stop(s)
	}
	return e.start(ctx)
}

// close stops the server for good, and notes that it was stopped cleanly.
func (e *localServer) close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	if e.server == nil {
		return nil
	}
	well := wellness(e.server)
	stop(e.server)
	e.server = nil
	if well != nil {
		return nil // let the next start have a look
	}
	return e.unmark()
}

// InProcessConn connects to the server of the moment.
func (e *localServer) InProcessConn() (net.Conn, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.server == nil {
		return nil, errors.New("the embedded server does not run")
	}
	return e.server.InProcessConn()
}

// healthy is nil when the server and every stream are well.
func (e *localServer) healthy() error {
	e.mu.Lock()
	s := e.server
	e.mu.Unlock()
	if s == nil {
		return errors.New("the embedded server does not run")
	}
	return wellness(s)
}

// wellness asks a server for its health. It looks at every stream: one that
// could not write is broken until the server restarts.
func wellness(s *server.Server) error {
	status := s.Healthz(&server.HealthzOptions{})
	if status.StatusCode/100 == 2 || status.StatusCode == 0 && status.Error == "" {
		return nil
	}
	return errors.New(strings.TrimSpace(status.Status + " " + status.Error))
}

// cramped says whether the disk is full, for which no store is to blame.
func (e *localServer) cramped() bool {
	var disk syscall.Statfs_t
	return syscall.Statfs(e.dir, &disk) == nil && int64(disk.Bavail)*disk.Bsize < room
}

// start runs a server with JetStream that survives a loss of power.
func start(o *server.Options, log *slog.Logger) (*server.Server, error) {
	o.JetStream = true
	o.SyncAlways = true // the default loses what was acknowledged in the last two minutes
	o.MaxPayload = 4 * MaxMessage
	o.NoSigs = true
	o.NoLog = true
	o.DisableJetStreamBanner = true
	s, err := server.NewServer(o)
	if err != nil {
		return nil, fmt.Errorf("broker: embedded server: %w", err)
	}
	s.SetLoggerV2(logger{log.With("part", "nats")}, false, false, false)
	s.Start()
	if !s.ReadyForConnections(starting) || !s.JetStreamEnabled() {
		stop(s)
		return nil, fmt.Errorf("broker: the embedded server did not start on %s within %s; its log says why",
			filepath.Join(o.StoreDir, "jetstream"), starting)
	}
	return s, nil
}

func stop(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

// logger hands the server's log lines to slog.
type logger struct{ log *slog.Logger }

func (l logger) Noticef(format string, v ...any) { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l logger) Warnf(format string, v ...any)   { l.log.Warn(fmt.Sprintf(format, v...)) }
func (l logger) Fatalf(format string, v ...any)  { l.log.Error(fmt.Sprintf(format, v...)) }
func (l logger) Errorf(format string, v ...any)  { l.log.Error(fmt.Sprintf(format, v...)) }
func (l logger) Debugf(format string, v ...any)  { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l logger) Tracef(format string, v ...any)  { l.log.Debug(fmt.Sprintf(format, v...)) }
