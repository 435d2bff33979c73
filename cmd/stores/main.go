// Command stores runs the stores module as a service of its own.
package main

import (
	"mallbots/stores"
	"mallbots/internal/host"
)

func main() {
	host.Main(host.Module{Name: "stores", New: stores.New})
}
