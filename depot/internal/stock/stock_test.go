package stock

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestEveryMoveKeepsTheLaw(t *testing.T) {
	for kind, e := range Effects {
		require.Equal(t, e.Received, e.OnHand+e.Reserved+e.Picked, "%s makes or loses units", kind)
		require.NotEqual(t, Effect{}, e, "%s moves nothing", kind)
	}
}

func TestStockIsConserved(t *testing.T) {
	kinds := []Kind{Received, Reserved, Released, Picked, Returned}
	require.Len(t, Effects, len(kinds))
	rapid.Check(t, func(t *rapid.T) {
		l := Level{ProductID: "tea"}
		var received int64
		for range rapid.IntRange(1, 50).Draw(t, "moves") {
			kind := rapid.SampledFrom(kinds).Draw(t, "kind")
			quantity := rapid.Int64Range(1, 20).Draw(t, "quantity")
			next := l.Move(kind, quantity)
			if next.Check() != nil {
				continue // refused: nothing moves
			}
			if kind == Received {
				received += quantity
			}
			l = next
		}
		require.NoError(t, l.Check())
		require.Equal(t, received, l.Received)
	})
}

func TestALevelThatBreaksTheLawIsNamed(t *testing.T) {
	for _, l := range []Level{
		{ProductID: "tea", Received: 1},
		{ProductID: "tea", Received: 0, OnHand: -1, Reserved: 1},
		{ProductID: "tea", Received: Limit + 1, OnHand: Limit + 1},
	} {
		require.ErrorContains(t, l.Check(), "tea")
	}
}

func TestLinesOfOneProductAreSummed(t *testing.T) {
	summed, err := Sum([]Line{{"tea", 1}, {"brie", 2}, {"tea", 4}})
	require.NoError(t, err)
	require.Equal(t, []Line{{"brie", 2}, {"tea", 5}}, summed, "sorted, and summed")
}

func TestLinesThatMakeNoSenseAreRefused(t *testing.T) {
	for _, lines := range [][]Line{
		{{"", 1}}, {{"tea", 0}}, {{"tea", -1}}, {{"tea", Limit + 1}}, {{"tea", Limit}, {"tea", 1}},
	} {
		_, err := Sum(lines)
		require.ErrorIs(t, err, ErrLine)
	}
}
