package e2e

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"mallbots/internal/database/pgtest"
)

// cluster is two replicas of each module, each module with a PostgreSQL database
// of its own, over three NATS nodes that keep three copies of every stream. While
// people are at work, processes and a node are killed, and come back.
func cluster(t *testing.T) *system {
	dir := t.TempDir()
	nodes, nats := startNATS(t, dir, 3)
	processes := map[string][]*server{}
	var servers []*process
	for _, module := range modules {
		database := pgtest.DSN(t)
		for n := range 2 {
			s := serve(t, dir, fmt.Sprintf("%s-%d", module, n+1), binary(t, module), "--nats-url="+nats, "--nats-replicas=3", "--database-url="+database)
			processes[module] = append(processes[module], s)
			servers = append(servers, s.process)
		}
	}
	requireCopies(t, nats, 3)
	s := systemOf(t, processes)
	chance := rand.New(rand.NewPCG(*seedFlag, 0))
	s.trouble = func(progress <-chan int) { strike(t, progress, chance, servers, nodes) }
	return s
}

// strike kills somebody every few scenarios, twice a server and then a node.
// Who is killed is started again after a while, before the next strike.
func strike(t *testing.T, progress <-chan int, chance *rand.Rand, servers, nodes []*process) {
	const strikes, every = 6, 6 // of 48 scenarios
	struck := 0
	for done := range progress {
		if struck == strikes || done < 2+every*struck {
			continue
		}
		victim := pick(chance, servers)
		if struck%3 == 1 {
			victim = pick(chance, nodes)
		}
		struck++
		victim.kill()
		fmt.Printf("%s is killed after %d scenarios\n", victim.name, done)
		away := time.NewTimer(time.Duration(500+chance.IntN(2000)) * time.Millisecond)
		<-away.C
		up, err := victim.begin()
		if err != nil {
			t.Errorf("%s does not come back: %v", victim.name, err)
			return
		}
		select {
		case <-up:
		case <-victim.exited:
			t.Errorf("%s ended when it came back: %s", victim.name, victim.said())
			return
		case <-time.After(time.Minute):
			t.Errorf("%s does not get ready again: %s", victim.name, victim.said())
			return
		}
	}
	if struck < strikes {
		t.Errorf("the scenarios were over after %d of %d strikes", struck, strikes)
	}
}

func pick(chance *rand.Rand, some []*process) *process { return some[chance.IntN(len(some))] }
