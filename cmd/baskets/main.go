// Command baskets runs the baskets module as a service of its own.
package main

import (
	"mallbots/baskets"
	"mallbots/internal/host"
)

func main() {
	host.Main(host.Module{Name: "baskets", New: baskets.New})
}
