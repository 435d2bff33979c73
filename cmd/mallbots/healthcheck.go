package main

import (
	"context"
	"time"
)

// healthcheckCommand is for containers, which have no other way to ask.
type healthcheckCommand struct {
	atOps
	Timeout time.Duration `env:"-" default:"3s" help:"How long to wait for the answer."`
}

// Run fails, naming the part, unless the process is ready.
func (h *healthcheckCommand) Run(ctx context.Context, c *console) error {
	o, err := operatorAt(h.Ops)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	if err := o.get(ctx, "/readyz", nil, &struct{}{}); err != nil {
		return err
	}
	c.printf("ready\n")
	return nil
}
