package simulation

import (
	"runtime/debug"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	debug.SetGCPercent(800) // seeds are short, and so is their garbage
	if _, err := templates(); err != nil {
		panic(err) // outside of every bubble, because it is made once
	}
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
	for seed := range uint64(3) {
		r := simulate(t, seed+1, Options{Faults: []*Fault{}})
		require.Empty(t, r.Violation)
		require.Zero(t, r.Fired)
		require.Equal(t, 1, r.Lives)
		require.GreaterOrEqual(t, r.Orders, shoppers*orders)
	}
}

func TestTheSameSeedGivesTheSameTrace(t *testing.T) {
	hashes := map[string]bool{}
	for seed := uint64(1); seed <= 10; seed++ {
		first := simulate(t, seed, Options{})
		simulate(t, seed+100, Options{}) // whatever it leaves behind
		second := simulate(t, seed, Options{})
		require.Equal(t, first.Hash, second.Hash, "seed %d", seed)
		hashes[first.Hash] = true
	}
	require.Len(t, hashes, 10, "and another seed another one")
}
