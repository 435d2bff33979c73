// Command mallbots is the whole mall in one binary, and what goes with it.
//
// Serve runs the modules. The other commands talk to a running mall as anybody
// else would: replay and busywork through its public API, audit, deadletters
// and projections through its operations listener.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// commands is the command line. Each flag is also an environment variable.
type commands struct {
	Serve       serveCommand       `cmd:"" help:"Run the mall, or some of its modules."`
	Demo        demoCommand        `cmd:"" help:"Run a mall in a temporary directory, with shoppers and bots at work, and show the life of one order."`
	Replay      replayCommand      `cmd:"" help:"Play a trading history through the public API."`
	Busywork    busyworkCommand    `cmd:"" help:"Set shoppers, shop keepers and staff to work, and measure."`
	Audit       auditCommand       `cmd:"" help:"Check the books of a mall. Exit 0 only when all hold."`
	Deadletters deadlettersCommand `cmd:"" help:"List, show, preview, retry, edit and discard messages that could not be handled."`
	Why         whyCommand         `cmd:"" help:"Tell what happened to an order, a basket or a product, in which module, and what it waits for."`
	Orders      ordersCommand      `cmd:"" help:"List the orders that are stuck."`
	Lost        lostCommand        `cmd:"" help:"List the messages that a database has lost and its stream still holds."`
	Republish   republishCommand   `cmd:"" help:"Publish the state of a module again, for consumers that come after the stream has forgotten."`
	Keys        keysCommand        `cmd:"" help:"Make, list and revoke API keys."`
	Actions     actionsCommand     `cmd:"" help:"List what operators did, the latest first."`
	Projections projectionsCommand `cmd:"" help:"Rebuild read models from the stored events."`
	Events      eventsCommand      `cmd:"" help:"Follow the events that pass on the streams."`
	Migrate     migrateCommand     `cmd:"" help:"Bring the databases to this binary's schema, and exit."`
	Healthcheck healthcheckCommand `cmd:"" help:"Ask a process whether it is ready. Exit 0 only when it is."`
	Version     versionCommand     `cmd:"" help:"Print the version."`
}

// errSilent ends a command with exit code 1 when it has said why itself.
var errSilent = errors.New("it was told already")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], newConsole(os.Stdout, os.Stderr))
	stop()
	if err != nil && !errors.Is(err, errSilent) {
		fmt.Fprintln(os.Stderr, "mallbots:", err)
	}
	if err != nil {
		os.Exit(1)
	}
}

// run parses the arguments and runs the command they name.
func run(ctx context.Context, args []string, c *console) error {
	var line commands
	parser, err := kong.New(&line,
		kong.Name("mallbots"),
		kong.Description("The back end of a shopping mall: stores, baskets, ordering, depot."),
		kong.DefaultEnvars("MALLBOTS"),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.ShortUsageOnError(),
		kong.Writers(c.out, c.err),
		kong.Bind(c),
	)
	if err != nil {
		return err
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		parser.FatalIfErrorf(err) // prints the usage, and exits
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	return parsed.Run()
}

// console is where a command writes: results to out, progress to err.
type console struct {
	out, err    io.Writer
	interactive bool // err is a terminal
}

func newConsole(out, err *os.File) *console {
	stat, statErr := err.Stat()
	return &console{out: out, err: err, interactive: statErr == nil && stat.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"}
}

// printf writes one line of a result.
func (c *console) printf(format string, args ...any) { fmt.Fprintf(c.out, format, args...) }

// note writes one line for whoever watches.
func (c *console) note(format string, args ...any) { fmt.Fprintf(c.err, format+"\n", args...) }
