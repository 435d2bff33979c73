// Package host runs modules in one process: their databases, the broker, the
// API listener, the operations listener, and the workers that move events.
//
// A module is a name and a constructor. The constructor asks the host for its
// Service (database, inbox, timers), registers its API on Host.RPC, and says
// which events it hears. Nothing else connects it to the process, so the same
// constructor runs beside three others or alone.
//
// The listeners come up first. What cannot be reached yet (a database, the
// broker) is tried again with backoff while readiness names it; only what no
// waiting can mend, such as a schema of a newer release, ends the process.
package host
