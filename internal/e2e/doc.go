// Package e2e is one suite of scenarios for a mall in any topology. A scenario
// knows base URLs and nothing else: where a module answers, and in how many
// places. What a topology is made of (processes, databases, brokers, releases)
// is decided in topology_test.go and cannot be seen from a scenario.
//
//	make e2e TOPOLOGY=one         # a single process, everything inside
//	make e2e TOPOLOGY=services    # a process and a database for each module, on SQLite and on PostgreSQL
//	make e2e TOPOLOGY=cluster     # two replicas of each module, three NATS nodes; some are killed meanwhile
//	make e2e TOPOLOGY=mixed       # half of the processes are of the previous release, either half
//	make e2e-all                  # all of them, and a table of scenario by topology
//
// A mall that runs already, behind whatever proxy, is asked with
//
//	make e2e TOPOLOGY=elsewhere BASE=http://127.0.0.1:8080 OPS=http://127.0.0.1:8081
//
// Each scenario writes down facts: what was refused and why, what orders, lists,
// stock and baskets came to in the end, with names for ids and without times. The
// hash of all facts must be the same in every topology, and the audit of the
// mall must hold at the end of each.
//
// What is left to chance in a cluster, who is killed and for how long, follows from
// the seed that is printed; -seed repeats it.
//
// Servers are real processes that the tests build and start. All of the package
// is tests; without a flag they run the topology one.
package e2e
