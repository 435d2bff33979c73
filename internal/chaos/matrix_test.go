//go:build chaos

package chaos

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/database/pgtest"
)

// cell is one kind of fault.
type cell struct {
	name     string
	backends []string
	watched  bool          // in the binary with failpoints and witnesses
	early    bool          // it strikes as soon as people set out
	lasts    time.Duration // how long the fault goes on, about
	args     []string      // more of serve's
	fresh    bool          // each run has a mall of its own
	wired    bool          // with a wire between it and its servers
	within   time.Duration // and after that time it has to be itself again
	skip     func() string // why it cannot be run here
	before   func(m *mall)
	strike   func(m *mall, l *load) (fired int) // and heals
	after    func(m *mall)                      // when the shoppers have gone
}

var both = []string{embedded, external}

const (
	together = 10               // how many runs share a mall
	long     = 20 * time.Second // a fault that lasts longer mostly waits
)

func cells() []cell {
	many := slices.Concat(failpointCells(), networkCells(), clockCells())
	order := rand.New(rand.NewPCG(*seedFlag, 0))
	order.Shuffle(len(many), func(i, j int) { many[i], many[j] = many[j], many[i] }) // where time is short, each run visits others
	return slices.Concat(processCells(), brokerCells(), storeCells(), messageCells(), databaseCells(), leaderCells(), many)
}

// TestMatrix runs every cell on every backend it is for.
func TestMatrix(t *testing.T) {
	if *killsFlag > 0 {
		t.Skip("only the kills were asked for")
	}
	wantedCell, err := regexp.Compile(*cellsFlag)
	require.NoError(t, err)
	wantedBackend, err := regexp.Compile(*backendsFlag)
	require.NoError(t, err)
	var rows []row
	var mu sync.Mutex
	t.Cleanup(func() { print(rows) })
	turns := map[bool]chan struct{}{true: make(chan struct{}, *atOnceFlag), false: make(chan struct{}, *atOnceFlag)}
	for _, c := range cells() {
		for _, backend := range c.backends {
			if !wantedCell.MatchString(c.name) || !wantedBackend.MatchString(backend) {
				continue
			}
			t.Run(c.name+"/"+backend, func(t *testing.T) {
				if *atOnceFlag > 1 {
					t.Parallel()
				}
				turn := turns[c.lasts > long]
				turn <- struct{}{}
				defer func() { <-turn }()
				r := row{cell: c.name, backend: backend}
				defer func() { // also of a cell that gave up in the middle
					mu.Lock()
					defer mu.Unlock()
					rows = append(rows, r)
				}()
				runCell(t, c, &r)
			})
		}
	}
}

// runCell runs a cell as often as was asked for.
func runCell(t *testing.T, c cell, r *row) {
	switch {
	case spent():
		r.note = "no time was left"
	case c.skip != nil:
		r.note = c.skip()
	}
	if r.note == "" && r.backend == external && !havePostgres() {
		r.note = pgtest.ErrNone.Error()
	}
	if r.note != "" {
		t.Skip("NOT RUN: " + r.note)
	}
	h := fnv.New64a()
	h.Write([]byte(c.name + r.backend))
	binary := shipped
	if c.watched {
		binary = watched
	}
	for r.runs < *runsFlag && (r.runs == 0 || !spent()) { // a cell that was begun has a run
		seed := *seedFlag ^ h.Sum64() ^ uint64(r.runs)
		t.Run(fmt.Sprint(r.runs), func(t *testing.T) {
			m := newMall(t, r.backend, binary, seed, c.args...)
			if c.wired {
				m.wire()
			}
			ok, unknown := 0, 0
			for n := 0; n == 0 || n < together && !c.fresh && r.runs < *runsFlag && !spent(); n++ {
				v := m.suffer(c)
				r.add(v, ok, unknown)
				ok, unknown = v.ok, v.unknown
				if !v.clean() {
					t.Errorf("seed %d, run %d: %d lost, %d doubled, %d reordered, %v %v %s", *seedFlag, r.runs,
						v.counted.lost, v.counted.doubled, v.counted.reordered, v.counted.examples, v.differences, v.trouble)
					return
				}
			}
		})
		if t.Failed() {
			return
		}
	}
	fmt.Fprintf(os.Stderr, "%8s  %s, %s: %d runs, %d faults\n", time.Since(began).Round(time.Second), c.name, r.backend, r.runs, r.fired)
	if r.fired == 0 {
		t.Errorf("seed %d: the fault never happened in %d runs", *seedFlag, r.runs)
	}
}

// havePostgres says whether there is one to start.
func havePostgres() bool {
	s, err := pgtest.Start(false)
	if errors.Is(err, pgtest.ErrNone) {
		return false
	}
	if err == nil {
		s.Stop()
	}
	return true
}
