package host

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mallbots/internal/broker"
)

// brokers are the connections of a process to the broker: one for each module,
// with no more rights than the module needs, see Rights.
type brokers struct {
	server *broker.Server            // in this process; nil when it is elsewhere
	of     map[string]*broker.Broker // by module
}

// connect opens them. It needs what the modules have registered.
func (p *process) connect(ctx context.Context) (err error) {
	p.brokers.of = map[string]*broker.Broker{}
	if p.config.NATSURL == "" {
		var rights []broker.Rights
		for _, s := range p.services {
			rights = append(rights, s.rights())
		}
		if p.brokers.server, err = broker.StartServer(ctx, filepath.Join(p.config.Data, "nats"), rights, p.log); err != nil {
			return err
		}
	}
	for _, s := range p.services {
		if p.brokers.of[s.Name], err = p.connection(ctx, s.Name); err != nil {
			delete(p.brokers.of, s.Name)
			return err
		}
		p.brokers.of[s.Name].Replicas(p.config.NATSReplicas)
		p.readiness.remark(s.Name+".consumer", func() string { return strings.Join(p.brokers.of[s.Name].Waiting(), "; ") })
	}
	p.readiness.add("broker", "", func(context.Context) error { return p.brokers.health() })
	return nil
}

// connection is a module's.
func (p *process) connection(ctx context.Context, module string) (*broker.Broker, error) {
	if p.brokers.server != nil {
		return p.brokers.server.Connect(ctx, module)
	}
	address := strings.ReplaceAll(p.config.NATSURL.Reveal(), "{module}", module)
	if p.config.NATSPassword != nil {
		if password := p.config.NATSPassword(module); password != nil {
			return broker.ConnectAs(ctx, address, broker.User{Name: userOf(address, module), Password: password}, p.log.With("module", module))
		}
	}
	return broker.Connect(ctx, address, p.log.With("module", module))
}

// userOf is the user that a NATS URL names, or the module's.
func userOf(address, module string) string {
	first, _, _ := strings.Cut(address, ",")
	if parsed, err := url.Parse(first); err == nil && parsed.User.Username() != "" {
		return parsed.User.Username()
	}
	return module
}

// health names what is not well, each problem once.
func (b *brokers) health() error {
	var all []string
	add := func(err error) {
		if err != nil && !slices.Contains(all, err.Error()) {
			all = append(all, err.Error())
		}
	}
	if b.server != nil {
		add(b.server.Health())
	}
	for _, connection := range b.of {
		add(connection.Health())
	}
	if len(all) == 0 {
		return nil
	}
	slices.Sort(all)
	return errors.New(strings.Join(all, "\n"))
}

// close closes the connections, and then the server.
func (b *brokers) close(ctx context.Context) error {
	var errs []error
	for _, connection := range b.of {
		errs = append(errs, connection.Close(ctx))
	}
	if b.server != nil {
		errs = append(errs, b.server.Close())
	}
	return errors.Join(errs...)
}

// natsPassword is where the passwords of the modules' NATS users are: in files,
// or in the environment.
func (s Settings) natsPassword() func(module string) func() (string, error) {
	return func(module string) func() (string, error) {
		if s.NATSSecret != "" {
			file := strings.ReplaceAll(s.NATSSecret, "{module}", module)
			return func() (string, error) {
				text, err := os.ReadFile(file)
				if err != nil {
					return "", fmt.Errorf("the NATS password of %s: %w", module, err)
				}
				return strings.TrimSpace(string(text)), nil
			}
		}
		if password := os.Getenv(broker.PasswordVariable(module)); password != "" {
			return func() (string, error) { return password, nil }
		}
		return nil
	}
}
