package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// replayCommand plays a trading history through the public API.
type replayCommand struct {
	Dir      string        `arg:"" type:"existingdir" help:"Directory with suppliers.csv, products.csv, customers.csv, orders.csv and order_details.csv."`
	Server   string        `default:"http://127.0.0.1:8080" help:"URL of the mall's API."`
	Restock  string        `enum:"auto,listed" default:"auto" help:"What the depot receives at first: auto is enough for every order, listed is units_in_stock."`
	InOrder  bool          `help:"Wait until an order is approved or rejected before the next basket is started."`
	JSON     bool          `name:"json" help:"Print the summary as one JSON object."`
	Currency string        `default:"USD" help:"Currency of the prices, which must be the mall's."`
	Pickers  int           `default:"4" env:"MALLBOTS_PICKERS" help:"How many bots pick what is approved."`
	Patience time.Duration `default:"1m" help:"How long to wait for a mall that doesn't answer, or an order that doesn't move."`
}

// summary is what became of a replay. Units and total are of the completed
// orders, as the mall's own read model reports them.
type summary struct {
	Stores    int     `json:"stores"`
	Products  int     `json:"products"`
	Customers int     `json:"customers"`
	Orders    int     `json:"orders"`
	Approved  int     `json:"approved"` // were approved at some time
	Rejected  int     `json:"rejected"`
	Completed int     `json:"completed"`
	Units     int64   `json:"units"`
	Total     money   `json:"total"`
	Seconds   float64 `json:"seconds"`
}

// money is an amount as proto3 JSON writes it.
type money struct {
	CurrencyCode string `json:"currencyCode"`
	MinorUnits   int64  `json:"minorUnits,string"`
}

func (m money) String() string {
	return fmt.Sprintf("%s %d.%02d", m.CurrencyCode, m.MinorUnits/100, m.MinorUnits%100)
}

// Run plays the history, and prints what became of it.
func (r *replayCommand) Run(ctx context.Context, c *console) error {
	h, err := readHistory(r.Dir)
	if err != nil {
		return err
	}
	m, err := dial(r.Server, r.Patience)
	if err != nil {
		return err
	}
	began := time.Now()
	p := newReplay(m, h, r, newProgress(c, h.steps()))
	err = p.play(ctx)
	p.progress.finish()
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	s, err := p.sum(ctx)
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	s.Seconds = float64(time.Since(began).Milliseconds()) / 1000
	return r.print(c, s)
}

func (r *replayCommand) print(c *console, s summary) error {
	if r.JSON {
		return json.NewEncoder(c.Out).Encode(s)
	}
	c.Printf("%d stores, %d products, %d customers\n", s.Stores, s.Products, s.Customers)
	c.Printf("%d orders: %d approved, %d rejected, %d completed\n", s.Orders, s.Approved, s.Rejected, s.Completed)
	c.Printf("%d units for %s, in %.1f s\n", s.Units, s.Total, s.Seconds)
	return nil
}
