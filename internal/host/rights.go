package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"mallbots/internal/api"
	"mallbots/internal/broker"
	"mallbots/internal/contracts"
)

// Rights are what the chosen modules need on a NATS server, and last what an
// operator does who looks on. They come from the events that the modules
// declare, and from what the modules register to hear.
func Rights(ctx context.Context, config Config, linked []Module) (_ []broker.Rights, err error) {
	modules, err := config.choose(linked)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "mallbots-rights-") // constructors want databases
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	h, err := construct(ctx, Config{Data: dir, Log: slog.New(slog.DiscardHandler)}, modules)
	var all []broker.Rights
	for _, s := range h.services {
		all = append(all, s.rights())
	}
	return append(all, broker.OnlookerRights(names(modules))), errors.Join(err, h.close())
}

// rights are what a module needs on the broker.
func (s *Service) rights() broker.Rights {
	return broker.ModuleRights(s.Name, declared(s.Name), s.Inbox.Sources())
}

// declared are the full names of the events that a module declares, of every
// version.
func declared(module string) []string {
	var names []string
	for _, event := range contracts.Events(module) {
		names = append(names, string(event.FullName()))
	}
	return names
}

// construct constructs modules that nobody will run: their databases are opened,
// which migrates them or fails, and their registrations are there. What it
// returns is to be closed, even after an error.
func construct(ctx context.Context, config Config, modules []Module) (*Host, error) {
	h := newHost(config.withDefaults())
	h.migrating = true
	h.RPC = api.NewServer(api.Options{Log: h.config.Log})
	for _, m := range modules {
		if err := m.New(ctx, h); err != nil {
			return h, fmt.Errorf("construct module %s: %w", m.Name, err)
		}
	}
	return h, nil
}

// close closes the databases.
func (h *Host) close() error {
	var errs []error
	for _, s := range h.services {
		errs = append(errs, s.DB.Close())
	}
	return errors.Join(errs...)
}
