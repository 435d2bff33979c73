// Command depot runs the depot module as a service of its own.
package main

import (
	"mallbots/depot"
	"mallbots/internal/commandline"
	"mallbots/internal/host"
)

func main() {
	commandline.Main(commandline.Service(host.Module{Name: "depot", New: depot.New}))
}
