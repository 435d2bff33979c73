// Package commandline is what every binary of this repository answers to: serve,
// and the commands for those who run a mall.
//
// Serve and migrate run the modules that the binary links. All other commands
// talk to processes that run, through their operations listeners, and work on
// whatever modules those have. A service that is one module is
//
//	commandline.Main(commandline.Service(host.Module{Name: "baskets", New: baskets.New}))
//
// and the whole mall adds commands of its own beside Serving and Operating.
package commandline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"mallbots/internal/client"
	"mallbots/internal/host"
)

// Program is a binary: its name, the modules that it links, and its commands.
type Program struct {
	Name        string
	Description string
	Modules     []host.Module
	Commands    any // pointer to a struct of commands, for kong

	// Sample gives a mall without stores some; nil where not all modules are linked.
	Sample func(ctx context.Context, mall *client.Client, currency string) error
}

// Service is the program that is one module.
func Service(m host.Module) *Program {
	var line struct {
		Serving
		Operating
	}
	return &Program{
		Name: m.Name, Description: "The " + m.Name + " module of the mall, as a service of its own.",
		Modules: []host.Module{m}, Commands: &line,
	}
}

// Serving are the commands that run modules.
type Serving struct {
	Serve serveCommand `cmd:"" help:"Run the mall, or some of its modules."`
}

// Operating are the commands for those who run a mall.
type Operating struct {
	Console     consoleCommand     `cmd:"" help:"Serve one console, and the storefront, for a mall of several processes."`
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
	Permissions permissionsCommand `cmd:"" help:"Print the users, roles and rights that the servers need to know, for NATS and PostgreSQL."`
	Migrate     migrateCommand     `cmd:"" help:"Bring the databases to this binary's schema, and exit."`
	Move        moveCommand        `cmd:"" help:"Take a module from one running process to another."`
	Healthcheck healthcheckCommand `cmd:"" help:"Ask a process whether it is ready. Exit 0 only when it is."`
	Version     versionCommand     `cmd:"" help:"Print the version."`
}

// ErrSilent ends a command with exit code 1 when it has said why itself.
var ErrSilent = errors.New("it was told already")

// Main is the whole main of a binary: it runs the command that the arguments
// name until that is done or the process is told to stop.
func Main(p *Program) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) // this is main
	err := p.run(ctx, os.Args[1:], newConsole(os.Stdout, os.Stderr))
	stop()
	if err != nil && !errors.Is(err, ErrSilent) {
		fmt.Fprintln(os.Stderr, p.Name+":", err)
	}
	if err != nil {
		os.Exit(1)
	}
}

// run parses the arguments and runs the command they name.
func (p *Program) run(ctx context.Context, args []string, c *Console) error {
	parser, err := p.Parser(kong.ShortUsageOnError(), kong.Writers(c.Out, c.Err), kong.Bind(c, p))
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

// Parser is what understands the program's arguments. Each flag is also an
// environment variable.
func (p *Program) Parser(options ...kong.Option) (*kong.Kong, error) {
	return kong.New(p.Commands, append([]kong.Option{
		kong.Name(p.Name),
		kong.Description(p.Description),
		kong.DefaultEnvars("MALLBOTS"),
		kong.Vars{"modules": strings.Join(p.names(), ",")},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
	}, options...)...)
}

// names are those of the modules that the program links.
func (p *Program) names() []string {
	var all []string
	for _, m := range p.Modules {
		all = append(all, m.Name)
	}
	return all
}

// Console is where a command writes: results to Out, progress to Err.
type Console struct {
	Out, Err    io.Writer
	Interactive bool // Err is a terminal
}

func newConsole(out, err *os.File) *Console {
	stat, statErr := err.Stat()
	return &Console{Out: out, Err: err, Interactive: statErr == nil && stat.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"}
}

// Printf writes one line of a result.
func (c *Console) Printf(format string, args ...any) { fmt.Fprintf(c.Out, format, args...) }

// Note writes one line for whoever watches.
func (c *Console) Note(format string, args ...any) { fmt.Fprintf(c.Err, format+"\n", args...) }
