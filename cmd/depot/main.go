// Command depot runs the depot module as a service of its own.
package main

import (
	"mallbots/depot"
	"mallbots/internal/host"
)

func main() {
	host.Main(host.Module{Name: "depot", New: depot.New})
}
