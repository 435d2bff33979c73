// Command ordering runs the ordering module as a service of its own.
package main

import (
	"mallbots/internal/commandline"
	"mallbots/internal/host"
	"mallbots/ordering"
)

func main() {
	commandline.Main(commandline.Service(host.Module{Name: "ordering", New: ordering.New}))
}
