//go:build !failpoint

package failpoint

// Here is where the process may die.
func Here(string) {}

// Soon is where the process may die within a moment, while the caller goes on.
func Soon(string) {}
