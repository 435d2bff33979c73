// Command stores runs the stores module as a service of its own.
package main

import (
	"mallbots/internal/commandline"
	"mallbots/internal/host"
	"mallbots/stores"
)

func main() {
	commandline.Main(commandline.Service(host.Module{Name: "stores", New: stores.New}))
}
