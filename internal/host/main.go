package host

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
)

// Main is the whole main of a command that runs one module as a service: it
// runs until the process is told to stop. With healthcheck as its argument it
// asks such a process whether it is ready.
func Main(m Module) {
	var line struct {
		Serve struct {
			Settings
		} `cmd:"" default:"withargs" help:"Run the module."`
		Healthcheck struct {
			Ops     string        `default:"http://127.0.0.1:8081" env:"MALLBOTS_OPS_URL" help:"URL of the process's ops listener."`
			Timeout time.Duration `default:"3s" env:"-" help:"How long to wait for the answer."`
		} `cmd:"" help:"Ask a process whether it is ready. Exit 0 only when it is."`
	}
	parsed := kong.Parse(&line,
		kong.Name(m.Name),
		kong.Description("The "+m.Name+" module of the mall, as a service of its own."),
		kong.DefaultEnvars("MALLBOTS"),
	)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) // this is main
	err := func() error {
		if parsed.Command() == "healthcheck" {
			ctx, cancel := context.WithTimeout(ctx, line.Healthcheck.Timeout)
			defer cancel()
			return Healthcheck(ctx, line.Healthcheck.Ops)
		}
		config, err := line.Serve.Config(os.Stderr)
		if err != nil {
			return err
		}
		return Run(ctx, config, []Module{m}, func(at Addresses) { at.Announce(os.Stdout, m.Name+" is ready") })
	}()
	stop()
	parsed.FatalIfErrorf(err)
}
