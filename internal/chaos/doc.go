// Package chaos breaks a running mall in every way that it claims to survive,
// while people shop in it, and counts what was lost, doubled or put out of
// order. Nothing in it is simulated: it starts the shipped binary, PostgreSQL
// and nats-server as processes, and kills, stops, starves and damages them.
//
//	make chaos                        # every cell once or twice, some minutes; what CI runs
//	make chaos/full                   # every cell 20 times and more, hours
//	make chaos/kills KILLS=300        # SIGKILL of the whole process under load, audit after each
//
// A cell is one kind of fault on one backend: SQLite with the embedded broker,
// or PostgreSQL with an external one. A run of it is: people shop; the fault
// strikes at a random moment; it is healed; the shopping goes on; then all is
// quiet, and the verdict is made from outside, from the books (mallbots audit),
// the tables of all modules, and the journal of what shoppers were promised.
// Faults of the network are those of a wire, a proxy between the mall and one of
// its servers.
//
// All of it is test files with the build tag chaos.
package chaos
