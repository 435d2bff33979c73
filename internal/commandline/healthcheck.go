package commandline

import (
	"context"
	"time"

	"mallbots/internal/client"
	"mallbots/internal/host"
)

// healthcheckCommand is for containers, which have no other way to ask.
type healthcheckCommand struct {
	atOps
	Alive   bool          `env:"-" help:"Ask only whether it is alive, ready or not."`
	Timeout time.Duration `env:"-" default:"3s" help:"How long to wait for the answer."`
}

// Run fails, naming the part, unless the process is ready, or alive if that is asked.
func (h *healthcheckCommand) Run(ctx context.Context, c *Console) error {
	url, err := client.URL(h.Ops)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	if h.Alive {
		if err := host.Alive(ctx, url); err != nil {
			return err
		}
		c.Printf("alive\n")
		return nil
	}
	if err := host.Healthcheck(ctx, url); err != nil {
		return err
	}
	c.Printf("ready\n")
	return nil
}
