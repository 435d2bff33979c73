package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPercentilesAreNearestRanks(t *testing.T) {
	l := &latencies{}
	require.Equal(t, percentiles{}, l.percentiles())
	for n := range 100 {
		l.add(time.Duration(100-n) * time.Millisecond)
	}
	require.Equal(t, percentiles{P50: 50, P95: 95, P99: 99}, l.percentiles())
}
