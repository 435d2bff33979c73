// Command baskets runs the baskets module as a service of its own.
package main

import (
	"mallbots/baskets"
	"mallbots/internal/commandline"
	"mallbots/internal/host"
)

func main() {
	commandline.Main(commandline.Service(host.Module{Name: "baskets", New: baskets.New}))
}
