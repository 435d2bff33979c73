package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/fault"
)

var errEmpty = fault.New(fault.Conflict, "BASKET_EMPTY", "the basket is empty")

func TestAKindIsFoundByItsName(t *testing.T) {
	statuses := map[int]bool{}
	for k := fault.Internal; k <= fault.Unavailable; k++ {
		require.Equal(t, k, fault.KindNamed(k.String()))
		require.False(t, statuses[k.Status()], "%s has the status of another kind", k)
		statuses[k.Status()] = true
	}
	require.Equal(t, fault.Internal, fault.KindNamed("nonsense"))
}

func TestDetailsDoNotChangeWhatItIs(t *testing.T) {
	err := fmt.Errorf("check out: %w", errEmpty.With("basket %s", "b1").In("basketId"))
	require.ErrorIs(t, err, errEmpty)
	f, ok := fault.Of(err)
	require.True(t, ok)
	require.Equal(t, "the basket is empty: basket b1", f.Message)
	require.Equal(t, []fault.Violation{{Field: "basketId", Description: f.Message}}, f.Violations)
	require.Empty(t, errEmpty.Violations, "the sentinel is as it was")
	require.Equal(t, fault.Conflict, fault.KindOf(err))
	require.Equal(t, fault.Internal, fault.KindOf(errors.New("disk")))
}
