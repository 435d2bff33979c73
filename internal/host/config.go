package host

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"time"

	"mallbots/internal/secret"
)

// Config is what an operator decides. The zero value of a URL means embedded.
type Config struct {
	Modules      []string      // the modules to run; none means all that are linked
	HTTP         string        // address of the API, host:port
	Ops          string        // address of the operations listener, host:port
	Data         string        // directory of the embedded databases and the embedded broker
	DatabaseURL  secret.Text   // PostgreSQL; {module} is replaced by the module's name
	NATSURL      secret.Text   // NATS server or cluster; {module} is replaced by the module's name
	NATSReplicas int           // copies of each stream, to 5; 0 is three in a cluster and one elsewhere
	TakeOver     []string      // modules whose streams are taken over from databases that are gone for good
	Standby      bool          // wait until modules are moved here, unless they were already
	Currency     string        // the one currency that the mall trades in, three capitals
	OutboxLimit  int64         // rows that may wait to be published before a module refuses changes; 0 is 100 000, negative no limit
	FreeDisk     int64         // bytes that must be free where Data is, else changes are refused; 0 is 128 MiB, negative no limit
	StuckAfter   time.Duration // how long something may stay as it is before metrics count it as stuck; 0 is 10 minutes
	Log          *slog.Logger

	Security // who is let in; the zero value lets everybody in, on loopback

	// NATSPassword returns the password of a module's NATS user, asked at each
	// attempt to connect. It is nil, and so is what it returns, when the URL says
	// all there is.
	NATSPassword func(module string) func() (string, error)
}

// Addresses are the URLs of a running process.
type Addresses struct {
	HTTP string
	Ops  string

	// For a part of this process that uses the API, such as its bots: its key,
	// empty where nobody is asked, and its TLS configuration, nil without TLS.
	Token secret.Text
	TLS   *tls.Config
}

// Module is a bounded context: its name, and the constructor that mounts it.
type Module struct {
	Name string
	New  func(ctx context.Context, h *Host) error
}

// drainTime bounds a graceful stop.
const drainTime = 14 * time.Second

// withDefaults fills what was left out.
func (c Config) withDefaults() Config {
	if c.HTTP == "" {
		c.HTTP = "127.0.0.1:8080"
	}
	if c.Ops == "" {
		c.Ops = "127.0.0.1:8081"
	}
	if c.Data == "" {
		c.Data = "./data"
	}
	if c.Currency == "" {
		c.Currency = "USD"
	}
	if c.OutboxLimit == 0 {
		c.OutboxLimit = 100_000
	}
	if c.FreeDisk == 0 {
		c.FreeDisk = 128 << 20
	}
	if c.StuckAfter == 0 {
		c.StuckAfter = 10 * time.Minute
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c
}

// choose returns the modules that the configuration names, or says which of
// its names is unknown.
func (c Config) choose(linked []Module) ([]Module, error) {
	if len(c.Modules) == 0 {
		return linked, nil
	}
	var chosen []Module
	var errs []error
	for i, name := range c.Modules {
		at := slices.IndexFunc(linked, func(m Module) bool { return m.Name == name })
		switch {
		case at < 0:
			errs = append(errs, fmt.Errorf("there is no module %q in this binary; it has %s", name, strings.Join(names(linked), ", ")))
		case slices.Contains(c.Modules[:i], name):
			errs = append(errs, fmt.Errorf("module %q is named twice", name))
		default:
			chosen = append(chosen, linked[at])
		}
	}
	return chosen, errors.Join(errs...)
}

func (c Config) check() error {
	if len(c.Currency) != 3 || strings.ToUpper(c.Currency) != c.Currency {
		return fmt.Errorf("currency %q: want three capitals, such as USD", c.Currency)
	}
	if c.NATSReplicas < 0 || c.NATSReplicas > 5 {
		return fmt.Errorf("--nats-replicas=%d: want 1 to 5 copies, or 0 for what suits the server", c.NATSReplicas)
	}
	if c.NATSReplicas > 1 && c.NATSURL == "" {
		return fmt.Errorf("--nats-replicas=%d needs a NATS cluster: name it with --nats-url", c.NATSReplicas)
	}
	for _, a := range []string{c.HTTP, c.Ops} {
		if _, _, err := net.SplitHostPort(a); err != nil {
			return fmt.Errorf("address %q: want host:port: %w", a, err)
		}
	}
	return c.Security.check(c.HTTP, c.Ops)
}

func names(modules []Module) []string {
	var all []string
	for _, m := range modules {
		all = append(all, m.Name)
	}
	return all
}
