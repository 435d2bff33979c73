package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"mallbots/baskets"
	"mallbots/depot"
	"mallbots/internal/host"
	"mallbots/ordering"
	"mallbots/stores"
)

// modules are all that there are.
var modules = []host.Module{
	{Name: "stores", New: stores.New},
	{Name: "baskets", New: baskets.New},
	{Name: "ordering", New: ordering.New},
	{Name: "depot", New: depot.New},
}

// hosting is what a process that runs modules is told.
type hosting struct {
	Modules []string `default:"stores,baskets,ordering,depot" help:"The modules to run."`
	host.Settings
}

// config is what the host makes of it. The log goes to standard error.
func (h *hosting) config(c *console) (host.Config, error) {
	config, err := h.Settings.Config(c.err)
	config.Modules = h.Modules
	return config, err
}

// serveCommand runs modules until it is told to stop.
type serveCommand struct {
	hosting
	Bots   int  `default:"0" help:"How many simulated bots pick shopping lists, through the public API."`
	Sample bool `help:"Give a mall without stores some, with products, stock and customers."`
}

// Run serves, and prints its URLs once it is ready.
func (s *serveCommand) Run(ctx context.Context, c *console) error {
	if err := s.check(); err != nil {
		return err
	}
	config, err := s.config(c)
	if err != nil {
		return err
	}
	var helpers sync.WaitGroup
	defer helpers.Wait()
	return host.Run(ctx, config, modules, func(at host.Addresses) {
		at.Announce(c.out, "mallbots is ready: "+strings.Join(s.Modules, ", "))
		helpers.Go(func() { s.help(ctx, config.Log, at) })
	})
}

// check refuses helpers that would find nobody to talk to.
func (s *serveCommand) check() error {
	if s.Bots < 0 {
		return fmt.Errorf("--bots=%d: want 0 or more", s.Bots)
	}
	if s.Bots > 0 && !s.runs("depot") {
		return fmt.Errorf("--bots works with the depot, which is not among --modules=%s; give --bots to the process that runs it", strings.Join(s.Modules, ","))
	}
	for _, name := range []string{"stores", "ordering", "depot"} {
		if s.Sample && !s.runs(name) {
			return fmt.Errorf("--sample needs %s, which is not among --modules=%s; leave it out, and add what you need through the API", name, strings.Join(s.Modules, ","))
		}
	}
	return nil
}

func (s *serveCommand) runs(module string) bool { return slices.Contains(s.Modules, module) }

// help fills an empty mall, and sets the bots to work, until ctx ends.
func (s *serveCommand) help(ctx context.Context, log *slog.Logger, at host.Addresses) {
	if !s.Sample && s.Bots == 0 {
		return
	}
	m, err := dialAs(credentials{token: at.Token, tls: at.TLS}, at.HTTP, time.Minute)
	if err == nil && s.Sample {
		err = sample(ctx, m, s.Currency)
	}
	if err != nil && ctx.Err() == nil {
		log.Error("the sample could not be made", "error", err)
	}
	if s.Bots == 0 || m == nil {
		return
	}
	bots, err := m.enlist(ctx, "bot", s.Bots)
	for ; err != nil && ctx.Err() == nil; bots, err = m.enlist(ctx, "bot", s.Bots) {
		log.Warn("the bots could not be registered, trying again", "error", err)
		_ = sleep(ctx, time.Second) // ends early only with ctx, which the loop asks
	}
	crew := &staff{mall: m, bots: bots, failed: func(err error) { log.Warn("a bot is in trouble", "error", err) }}
	_ = crew.work(ctx) // ends only with ctx
}
