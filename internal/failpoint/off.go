//go:build !failpoint

package failpoint

import "time"

// Here is where the process may die.
func Here(string) {}

// Soon is where the process may die within a moment, while the caller goes on.
func Soon(string) {}

// Now is the machine's clock.
func Now() time.Time { return time.Now() }
