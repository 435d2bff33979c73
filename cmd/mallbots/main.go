// Command mallbots is the whole mall in one binary, and what goes with it.
//
// Serve runs the modules. The other commands talk to a running mall as anybody
// else would: replay and busywork through its public API, audit, deadletters
// and projections through its operations listener.
package main

import (
	"mallbots/baskets"
	"mallbots/depot"
	"mallbots/internal/commandline"
	"mallbots/internal/host"
	"mallbots/ordering"
	"mallbots/stores"
)

// commands is the command line. Each flag is also an environment variable.
type commands struct {
	commandline.Serving
	Demo     demoCommand     `cmd:"" help:"Run a mall in a temporary directory, with shoppers and bots at work, and show the life of one order."`
	Replay   replayCommand   `cmd:"" help:"Play a trading history through the public API."`
	Busywork busyworkCommand `cmd:"" help:"Set shoppers, shop keepers and staff to work, and measure."`
	Docs     docsCommand     `cmd:"" help:"Write the map of the modules and the AsyncAPI document into a checkout of the repository."`
	Extract  extractCommand  `cmd:"" help:"Write a repository of its own for one module, from a checkout."`
	commandline.Operating
}

// modules are all that there are.
var modules = []host.Module{
	{Name: "stores", New: stores.New},
	{Name: "baskets", New: baskets.New},
	{Name: "ordering", New: ordering.New},
	{Name: "depot", New: depot.New},
}

// console is where a command writes.
type console = commandline.Console

func mallbots() *commandline.Program {
	return &commandline.Program{
		Name: "mallbots", Description: "The back end of a shopping mall: stores, baskets, ordering, depot.",
		Modules: modules, Commands: &commands{}, Sample: sample,
	}
}

func main() { commandline.Main(mallbots()) }
