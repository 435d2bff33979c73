package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"mallbots/internal/client"
	"mallbots/internal/commandline"
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
		Log: slog.New(slog.NewTextHandler(c.Err, &slog.HandlerOptions{Level: slog.LevelError})),
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
	c.Printf("A mall of four modules runs in %s since %d ms: SQLite and NATS inside.\n", dir, time.Since(began).Milliseconds())
	c.Printf("  API %s, docs %s/docs, operations %s\n\n", at.HTTP, at.HTTP, at.Ops)
	err = d.perform(ctx, c, at)
	stop()
	return errors.Join(err, <-ended)
}

// perform is the show: people at work, an order's life, the audit.
func (d *demoCommand) perform(ctx context.Context, c *console, at host.Addresses) error {
	own, err := client.DialAs(client.Credentials{Token: at.Token, TLS: at.TLS}, at.HTTP, 10*time.Second)
	if err != nil {
		return err
	}
	m := mallAt(own)
	heard := &lives{}
	listening, enough := context.WithCancel(ctx)
	deaf := make(chan error, 1)
	go func() { deaf <- commandline.Tail(listening, at.Ops, heard.hear) }()

	c.Printf("%d shoppers, 2 shop keepers and 3 bots are at work for %s.\n", d.Shoppers, d.Duration)
	work := newBusywork(busyworkCommand{
		Shoppers: d.Shoppers, Open: 1, Keepers: 2, Bots: 3, Duration: d.Duration, Think: 100 * time.Millisecond,
		Drain: 5 * time.Second, Patience: 10 * time.Second, Currency: "USD", Observe: "watch",
	}, m, io.Discard)
	stopShow := work.show(c)
	err = work.run(ctx)
	stopShow()
	if err == nil {
		err = commandline.Quiet(ctx, []string{at.Ops}, time.Now().Add(5*time.Second))
	}
	enough()
	if err = errors.Join(err, <-deaf); err != nil {
		return err
	}
	work.report().print(c)

	if life := heard.fullest(); life != nil {
		c.Printf("\nThe life of order %s, event by event, in ms since its check-out:\n\n", life[0].Key)
		printLife(c, life)
	}
	c.Printf("\nThe audit:\n\n")
	v, err := commandline.Audit(ctx, []string{at.Ops}, 10*time.Second)
	if err != nil {
		return err
	}
	v.Print(c)
	if !v.OK {
		return commandline.ErrSilent
	}
	return nil
}
