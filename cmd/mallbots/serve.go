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
	Modules     []string `default:"stores,baskets,ordering,depot" help:"The modules to run."`
	HTTP        string   `name:"http" default:"127.0.0.1:8080" help:"Address of the API."`
	Ops         string   `default:"127.0.0.1:8081" help:"Address of the operations listener; keep it private."`
	Data        string   `default:"./data" type:"path" help:"Directory of the embedded databases and broker."`
	DatabaseURL string   `name:"database-url" help:"PostgreSQL; {module} is replaced by the module's name. Empty: SQLite in the data directory."`
	NATSURL     string   `name:"nats-url" help:"NATS server or cluster. Empty: one in this process."`
	Currency    string   `default:"USD" help:"The one currency that the mall trades in."`
	LogLevel    string   `default:"info" enum:"debug,info,warn,error" help:"The least serious lines to log: ${enum}."`
	LogFormat   string   `default:"text" enum:"text,json" help:"Format of the log: ${enum}."`
}

// config is what the host makes of it. The log goes to standard error.
func (h *hosting) config(c *console) (host.Config, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(h.LogLevel)); err != nil {
		return host.Config{}, err
	}
	options := &slog.HandlerOptions{Level: level}
	var handler slog.Handler = slog.NewTextHandler(c.err, options)
	if h.LogFormat == "json" {
		handler = slog.NewJSONHandler(c.err, options)
	}
	return host.Config{
		Modules: h.Modules, HTTP: h.HTTP, Ops: h.Ops, Data: h.Data,
		DatabaseURL: h.DatabaseURL, NATSURL: h.NATSURL, Currency: h.Currency,
		Log: slog.New(handler),
	}, nil
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
		s.announce(c, at)
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

func (s *serveCommand) announce(c *console, at host.Addresses) {
	c.printf("mallbots is ready: %s\n", strings.Join(s.Modules, ", "))
	c.printf("  API         %s   (REST, gRPC, gRPC-Web and Connect)\n", at.HTTP)
	c.printf("  docs        %s/docs\n", at.HTTP)
	c.printf("  operations  %s\n", at.Ops)
}

// help fills an empty mall, and sets the bots to work, until ctx ends.
func (s *serveCommand) help(ctx context.Context, log *slog.Logger, at host.Addresses) {
	if !s.Sample && s.Bots == 0 {
		return
	}
	m, err := dial(at.HTTP, time.Minute)
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
