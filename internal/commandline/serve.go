package commandline

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"mallbots/internal/bots"
	"mallbots/internal/client"
	"mallbots/internal/host"
)

// hosting is what a process that runs modules is told.
type hosting struct {
	Modules []string `default:"${modules}" help:"The modules to run."`
	host.Settings
}

// config is what the host makes of it. The log goes to standard error.
func (h *hosting) config(c *Console) (host.Config, error) {
	config, err := h.Settings.Config(c.Err)
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
func (s *serveCommand) Run(ctx context.Context, c *Console, p *Program) error {
	if err := s.check(p); err != nil {
		return err
	}
	config, err := s.config(c)
	if err != nil {
		return err
	}
	var helpers sync.WaitGroup
	defer helpers.Wait()
	return host.Run(ctx, config, p.Modules, func(at host.Addresses) {
		at.Announce(c.Out, p.Name+" is ready: "+strings.Join(s.Modules, ", "))
		helpers.Go(func() { s.help(ctx, p, config.Log, at) })
	})
}

// check refuses helpers that would find nobody to talk to.
func (s *serveCommand) check(p *Program) error {
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
	if s.Sample && p.Sample == nil {
		return fmt.Errorf("%s has no sample; leave --sample out, and add what you need through the API", p.Name)
	}
	return nil
}

func (s *serveCommand) runs(module string) bool { return slices.Contains(s.Modules, module) }

// help fills an empty mall, and sets the bots to work, until ctx ends.
func (s *serveCommand) help(ctx context.Context, p *Program, log *slog.Logger, at host.Addresses) {
	mall, err := client.DialAs(client.Credentials{Token: at.Token, TLS: at.TLS}, at.HTTP, time.Minute)
	if err == nil && s.Sample {
		err = p.Sample(ctx, mall, s.Currency)
	}
	if err != nil && ctx.Err() == nil {
		log.ErrorContext(ctx, "the sample could not be made", "error", err)
	}
	if s.Bots == 0 || mall == nil {
		return
	}
	depot := bots.In(mall)
	ids, err := depot.Enlist(ctx, "bot", s.Bots)
	for ; err != nil && ctx.Err() == nil; ids, err = depot.Enlist(ctx, "bot", s.Bots) {
		log.WarnContext(ctx, "the bots could not be registered, trying again", "error", err)
		_ = client.Sleep(ctx, time.Second) // ends early only with ctx, which the loop asks
	}
	crew := &bots.Staff{Depot: depot, Bots: ids, Failed: func(err error) { log.WarnContext(ctx, "a bot is in trouble", "error", err) }}
	_ = crew.Work(ctx) // ends only with ctx
}
