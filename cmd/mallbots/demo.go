package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"mallbots/internal/host"
)

// demoCommand shows a mall at work, and leaves nothing behind.
type demoCommand struct {
	Duration time.Duration `default:"20s" help:"How long the shoppers shop."`
	Shoppers int           `default:"6" help:"How many shop at the same time."`
}

// Run starts a mall in a temporary directory, sets people to work, tells the
// life of one order, and checks the books.
func (d *demoCommand) Run(ctx context.Context, c *console) error {
	dir, err := os.MkdirTemp("", "mallbots-demo-")
	if err != nil {
		return fmt.Errorf("make a temporary directory: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // the system clears what stays
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	config := host.Config{
		HTTP: "127.0.0.1:0", Ops: "127.0.0.1:0", Data: dir,
		Log: slog.New(slog.NewTextHandler(c.err, &slog.HandlerOptions{Level: slog.LevelError})),
	}
	began := time.Now()
	addresses, ended := make(chan host.Addresses, 1), make(chan error, 1)
	go func() { ended <- host.Run(ctx, config, modules, func(a host.Addresses) { addresses <- a }) }()
	var at host.Addresses
	select {
	case err := <-ended:
		return err
	case at = <-addresses:
	}
	c.printf("A mall of four modules runs in %s since %d ms: SQLite and NATS inside.\n", dir, time.Since(began).Milliseconds())
	c.printf("  API %s, docs %s/docs, operations %s\n\n", at.HTTP, at.HTTP, at.Ops)
	err = d.perform(ctx, c, at)
	stop()
	return errors.Join(err, <-ended)
}

// perform is the show: people at work, an order's life, the audit.
func (d *demoCommand) perform(ctx context.Context, c *console, at host.Addresses) error {
	m, err := dialAs(credentials{token: at.Token, tls: at.TLS}, at.HTTP, 10*time.Second)
	if err != nil {
		return err
	}
	ops, err := operatorAt(at.Ops)
	if err != nil {
		return err
	}
	heard := &lives{}
	listening, enough := context.WithCancel(ctx)
	deaf := make(chan error, 1)
	go func() { deaf <- tailOps(listening, ops, heard.hear) }()

	c.printf("%d shoppers, 2 shop keepers and 3 bots are at work for %s.\n", d.Shoppers, d.Duration)
	work := newBusywork(busyworkCommand{
		Shoppers: d.Shoppers, Open: 1, Keepers: 2, Bots: 3, Duration: d.Duration, Think: 100 * time.Millisecond,
		Drain: 5 * time.Second, Patience: 10 * time.Second, Currency: "USD", Observe: "watch",
	}, m, io.Discard)
	stopShow := work.show(c)
	err = work.run(ctx)
	stopShow()
	if err == nil {
		err = quiet(ctx, []*operator{ops}, time.Now().Add(5*time.Second))
	}
	enough()
	if err = errors.Join(err, <-deaf); err != nil {
		return err
	}
	work.report().print(c)

	if life := heard.fullest(); life != nil {
		c.printf("\nThe life of order %s, event by event, in ms since its check-out:\n\n", life[0].Key)
		printLife(c, life)
	}
	c.printf("\nThe audit:\n\n")
	v := audit(ctx, []*operator{ops}, 10*time.Second)
	v.print(c)
	if !v.OK {
		return errSilent
	}
	return nil
}
