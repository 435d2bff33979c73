//go:build sabotage

package sabotage

import (
	"os"
	"sync/atomic"
)

// Enabled says whether this binary can be sabotaged.
const Enabled = true

// Variable is the environment variable that names the switch to begin with.
const Variable = "MALLBOTS_SABOTAGE"

var current atomic.Value

func init() { Set(Switch(os.Getenv(Variable))) }

// Set switches one protection off, and all others on. Empty is none.
func Set(s Switch) { current.Store(s) }

// On says whether a protection is switched off.
func On(s Switch) bool { return current.Load() == s }
