package broker

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// starting is how long the embedded server may take to recover its streams.
const starting = 30 * time.Second

// Embedded starts a server in this process that keeps its streams below dir
// and listens on no port. It acknowledges a message only when the disk has it.
func Embedded(ctx context.Context, dir string, log *slog.Logger) (*Broker, error) {
	s, err := start(&server.Options{
		ServerName: "mallbots",
		StoreDir:   dir, // the server adds the folder jetstream
		DontListen: true,
	}, log)
	if err != nil {
		return nil, err
	}
	b, err := open(ctx, "", s, log)
	if err != nil {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, err
	}
	return b, nil
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
		s.Shutdown()
		s.WaitForShutdown()
		return nil, fmt.Errorf("broker: the embedded server did not start on %s within %s; its log says why",
			filepath.Join(o.StoreDir, "jetstream"), starting)
	}
	return s, nil
}

// logger hands the server's log lines to slog.
type logger struct{ log *slog.Logger }

func (l logger) Noticef(format string, v ...any) { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l logger) Warnf(format string, v ...any)   { l.log.Warn(fmt.Sprintf(format, v...)) }
func (l logger) Fatalf(format string, v ...any)  { l.log.Error(fmt.Sprintf(format, v...)) }
func (l logger) Errorf(format string, v ...any)  { l.log.Error(fmt.Sprintf(format, v...)) }
func (l logger) Debugf(format string, v ...any)  { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l logger) Tracef(format string, v ...any)  { l.log.Debug(fmt.Sprintf(format, v...)) }
