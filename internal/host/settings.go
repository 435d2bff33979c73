package host

import (
	"fmt"
	"io"
	"log/slog"
	"time"

	"mallbots/internal/secret"
)

// Settings are the flags of every command that runs modules, for kong; each is
// an environment variable too.
type Settings struct {
	HTTP         string        `name:"http" default:"127.0.0.1:8080" help:"Address of the API."`
	Ops          string        `default:"127.0.0.1:8081" help:"Address of the operations listener; keep it private."`
	Data         string        `default:"./data" type:"path" help:"Directory of the embedded databases and broker."`
	DatabaseURL  secret.Text   `name:"database-url" help:"PostgreSQL; {module} is replaced by the module's name. Empty: SQLite in the data directory."`
	NATSURL      secret.Text   `name:"nats-url" help:"NATS server or cluster; {module} is replaced by the module's name. Empty: one in this process."`
	NATSSecret   string        `name:"nats-password-file" help:"File with the password of the module's NATS user; {module} is replaced. Empty: MALLBOTS_NATS_PASSWORD_<MODULE> of the environment, if it is there."`
	NATSReplicas int           `name:"nats-replicas" default:"0" help:"Copies of each stream in a NATS cluster, to 5. 0: three in a cluster, one elsewhere."`
	Standby      bool          `help:"Run a module only once it was moved here with: mallbots move."`
	Currency     string        `default:"USD" help:"The one currency that the mall trades in."`
	OutboxLimit  int64         `default:"100000" help:"Events that may wait to be published before a module refuses changes with 503; -1 is no limit."`
	FreeDisk     int64         `default:"128" help:"MiB that must be free where --data is, else changes are refused with 503; -1 is no limit."`
	StuckAfter   time.Duration `default:"10m" help:"How long something may stay as it is before metrics count it as stuck."`
	TakeOver     []string      `name:"take-over" help:"Modules whose streams this process takes over from databases that are gone for good. Say it once."`
	LogLevel     string        `default:"info" enum:"debug,info,warn,error" help:"The least serious lines to log: ${enum}."`
	LogFormat    string        `default:"text" enum:"text,json" help:"Format of the log: ${enum}."`
	Security     `embed:""`
}

// Config is what the host makes of the settings. It logs to log.
func (s Settings) Config(log io.Writer) (Config, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(s.LogLevel)); err != nil {
		return Config{}, fmt.Errorf("log level %q: want debug, info, warn or error", s.LogLevel)
	}
	options := &slog.HandlerOptions{Level: level}
	var handler slog.Handler = slog.NewTextHandler(log, options)
	if s.LogFormat == "json" {
		handler = slog.NewJSONHandler(log, options)
	}
	return Config{
		HTTP: s.HTTP, Ops: s.Ops, Data: s.Data, DatabaseURL: s.DatabaseURL, NATSURL: s.NATSURL, NATSReplicas: s.NATSReplicas, Standby: s.Standby,
		Currency: s.Currency, OutboxLimit: s.OutboxLimit, FreeDisk: s.freeDisk(), StuckAfter: s.StuckAfter, Log: slog.New(handler),
		NATSPassword: s.natsPassword(), TakeOver: s.TakeOver, Security: s.Security,
	}, nil
}

// freeDisk is the setting in bytes.
func (s Settings) freeDisk() int64 {
	if s.FreeDisk <= 0 {
		return -1
	}
	return s.FreeDisk << 20
}

// Announce writes what is ready, and where it can be reached.
func (a Addresses) Announce(out io.Writer, what string) {
	fmt.Fprintln(out, what)
	fmt.Fprintf(out, "  storefront  %s/\n", a.HTTP)
	fmt.Fprintf(out, "  API         %s   (REST, gRPC, gRPC-Web and Connect)\n", a.HTTP)
	fmt.Fprintf(out, "  docs        %s/docs\n", a.HTTP)
	fmt.Fprintf(out, "  console     %s/console\n", a.Ops)
	fmt.Fprintf(out, "  operations  %s\n", a.Ops)
}
