// Command stores runs the stores module as a service of its own.
package main

import (
	"mallbots/internal/host"
	"mallbots/stores"
)

func main() {
	host.Main(host.Module{Name: "stores", New: stores.New})
}
