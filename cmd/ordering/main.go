// Command ordering runs the ordering module as a service of its own.
package main

import (
	"mallbots/internal/host"
	"mallbots/ordering"
)

func main() {
	host.Main(host.Module{Name: "ordering", New: ordering.New})
}
