package commandline

import (
	"context"
	"log/slog"

	"mallbots/internal/client"
	"mallbots/internal/host"
	"mallbots/internal/web"
)

// consoleCommand serves the pages of a mall of several processes.
type consoleCommand struct {
	Ops    []string `default:"http://127.0.0.1:8081" env:"MALLBOTS_OPS_URL" help:"URLs of the ops listeners of all processes of the mall."`
	Listen string   `default:"127.0.0.1:8082" env:"-" help:"Address to serve the pages on, of this machine."`
}

// Help says what it is for.
func (consoleCommand) Help() string {
	return `Each process has a console of what it runs, at /console of its ops listener. This is one for
all of them, with the storefront at /. It acts with your rights, those of MALLBOTS_TOKEN, so it
serves this machine alone. For example:

  $ mallbots console --ops=http://10.0.0.1:8081,http://10.0.0.2:8081
  console     http://127.0.0.1:8082/console
  storefront  http://127.0.0.1:8082/`
}

// Run serves until ctx ends.
func (s *consoleCommand) Run(ctx context.Context, c *Console) error {
	who, err := client.FromEnvironment()
	if err != nil {
		return err
	}
	var processes []*web.Process
	for _, address := range s.Ops {
		p, err := web.At(address, who.HTTP())
		if err != nil {
			return err
		}
		processes = append(processes, p)
	}
	log := slog.New(slog.NewTextHandler(c.Err, nil))
	return host.ServePages(ctx, s.Listen, web.NewMall(processes...), log, func(url string) {
		c.Printf("console     %s/console\n", url)
		c.Printf("storefront  %s/\n", url)
	})
}
