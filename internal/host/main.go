package host

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// Main is the whole main of a command that runs one module as a service: it
// runs until the process is told to stop.
func Main(m Module) {
	var settings Settings
	kong.Parse(&settings,
		kong.Name(m.Name),
		kong.Description("The "+m.Name+" module of the mall, as a service of its own."),
		kong.DefaultEnvars("MALLBOTS"),
	)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) // this is main
	config, err := settings.Config(os.Stderr)
	if err == nil {
		err = Run(ctx, config, []Module{m}, func(at Addresses) { at.Announce(os.Stdout, m.Name) })
	}
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", m.Name, err)
		os.Exit(1)
	}
}
