//go:build !sabotage

package sabotage

// Enabled says whether this binary can be sabotaged.
const Enabled = false

// On says whether a protection is switched off.
func On(Switch) bool { return false }
