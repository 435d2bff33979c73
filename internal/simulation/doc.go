// Package simulation runs the whole mall in one goroutine, with everything that
// can go wrong going wrong, and checks that nothing is lost, doubled, reordered
// or stuck.
//
// The modules, their SQL, the outbox, the inbox and the timers are those of
// production. What is simulated is what they stand on:
//
//   - the clock, which is that of a testing/synctest bubble: an hour passes at
//     once when nothing else is to be done;
//   - the disk (disk.go): SQLite in memory behind a database/sql driver that
//     fails, is slow, or takes the process down, at any statement and commit;
//   - the broker (bus.go), which loses answers, acknowledgements and messages,
//     stores late, delivers twice, and forgets, as JetStream is known to;
//   - the scheduler (world.go), which decides what happens next: one step of a
//     relay, an inbox, a timer or a shopper at a time.
//
// One number, the seed, decides everything, so the same seed gives the same
// history, to the byte of its trace. From it come the shoppers and what they do
// (shoppers.go), and the plan of the faults (faults.go). When the shoppers are
// done, all faults end, and within a minute the mall must be at rest; then the
// books are checked (check.go).
//
//	make sim SEEDS=10000    seeds 1 to 10000, in two processes
//	make sim SEED=12345     one seed, with its trace
//
// A seed that fails is shrunk to the fewest faults that still make it fail.
package simulation
