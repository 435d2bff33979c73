package simulation

import (
	"flag"
	"runtime/debug"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

var (
	seeds     = flag.Uint64("seeds", 100, "how many seeds")
	firstSeed = flag.Uint64("first", 1, "the first seed")
)

func TestMain(m *testing.M) {
	if _, err := templates(); err != nil { // outside of every bubble
		panic(err)
	}
	debug.SetGCPercent(800)
	m.Run()
}

// simulate runs a seed in a bubble of its own.
func simulate(t *testing.T, seed uint64, options Options) (result Result) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var err error
		result, err = Simulate(t.Context(), seed, options)
		require.NoError(t, err)
	})
	return result
}

func TestAFaultlessMall(t *testing.T) {
	r := simulate(t, 1, Options{Faults: []*Fault{}, Trace: func(line string) { t.Log(line) }})
	require.Empty(t, r.Violation)
	t.Logf("%+v", r)
}

func TestTheSameSeedGivesTheSameTrace(t *testing.T) {
	for seed := range uint64(20) {
		first, second := simulate(t, seed, Options{}), simulate(t, seed, Options{})
		require.Equal(t, first.Hash, second.Hash, "seed %d", seed)
	}
}

func TestSeeds(t *testing.T) {
	from, to := *firstSeed, *firstSeed+*seeds
	fired, lives := 0, 0
	for seed := from; seed < to; seed++ {
		r := simulate(t, seed, Options{})
		fired += r.Fired
		lives += r.Lives
		if len(r.Violation) > 0 {
			t.Errorf("seed %d: %v", seed, r.Violation[:min(2, len(r.Violation))])
		}
	}
	t.Logf("%d faults fired, %d lives", fired, lives)
}
