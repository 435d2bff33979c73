package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"
)

// busyworkCommand sets people to work, and measures the mall.
type busyworkCommand struct {
	Server   string        `default:"http://127.0.0.1:8080" help:"URL of the mall's API."`
	Shoppers int           `default:"16" help:"How many shop at the same time."`
	Orders   int           `default:"0" help:"How many orders to check out; 0 is as many as the duration allows."`
	Duration time.Duration `default:"0s" help:"How long to shop; 0 is 30s, or as long as --orders takes."`
	Keepers  int           `default:"2" help:"How many shop keepers reprice and restock."`
	Bots     int           `default:"4" env:"MALLBOTS_BUSY_BOTS" help:"How many bots pick, and hand over what they picked."`
	Think    time.Duration `default:"0s" help:"How long a shopper thinks before the next basket."`
	Open     int           `default:"1" help:"How many undecided orders a shopper may have; with 1 each waits for the decision before the next basket."`
	Drain    time.Duration `default:"15s" help:"How long to wait at the end for orders that are on their way."`
	Patience time.Duration `default:"30s" help:"How long a request is repeated while the mall doesn't answer."`
	Currency string        `default:"USD" help:"Currency of the prices, which must be the mall's."`
	Observe  string        `enum:"watch,poll" default:"watch" help:"How a shopper learns of the approval: WatchOrder, or GetOrder again and again."`
	Journal  string        `type:"path" help:"File to append a line to for each check-out: answered ID, or unknown ID."`
	JSON     bool          `name:"json" help:"Print the result as one JSON object."`
}

// mostTime bounds a run that is to end by its number of orders.
const mostTime = time.Hour

// Run works, and prints what was measured, also when it is interrupted.
func (b *busyworkCommand) Run(ctx context.Context, c *console) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400) // who measures a mall on the same machine takes little of it
	}
	if b.Shoppers < 1 || b.Open < 1 || b.Orders < 0 || b.Duration < 0 || b.Keepers < 0 || b.Bots < 0 {
		return errors.New("busywork: want at least one shopper and one open order, and nothing negative")
	}
	m, err := dial(b.Server, b.Patience)
	if err != nil {
		return err
	}
	journal := io.Discard
	if b.Journal != "" {
		file, err := os.OpenFile(b.Journal, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			return fmt.Errorf("open the journal: %w", err)
		}
		defer func() { _ = file.Close() }() // each line was written at once
		journal = file
	}
	work := newBusywork(*b, m, journal)
	stop := work.show(c)
	err = work.run(ctx)
	stop()
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("busywork: %w", err)
	}
	report := work.report()
	if b.JSON {
		return json.NewEncoder(c.Out).Encode(report)
	}
	report.print(c)
	return nil
}

// length is how long the shoppers shop at most.
func (b *busyworkCommand) length() time.Duration {
	switch {
	case b.Duration > 0:
		return b.Duration
	case b.Orders > 0:
		return mostTime
	}
	return 30 * time.Second
}
