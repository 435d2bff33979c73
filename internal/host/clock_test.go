package host

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// jumping is a clock whose machine's jumps, and the other clock's opinion of that.
func jumping(known bool, opinion *error) (c *clock, jump func(by time.Duration)) {
	var off time.Duration
	c = newClock(func() time.Time { return time.Now().Add(off) },
		func(context.Context) (bool, error) { return known, *opinion }, slog.New(slog.DiscardHandler))
	return c, func(by time.Duration) { off += by }
}

// is requires the clock to be off by so much from what really passes.
func is(t *testing.T, c *clock, off time.Duration) {
	t.Helper()
	require.Equal(t, off, c.now().Sub(time.Now().Round(0)))
}

func TestAClockThatJumpsIsNotFollowedUntilItIsRight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wrong := errors.New("this machine is ahead")
		c, jump := jumping(true, &wrong)
		require.NoError(t, c.check(t.Context()))
		for _, by := range []time.Duration{time.Hour, -time.Hour} {
			jump(by)
			is(t, c, 0) // nobody has looked yet
			require.ErrorContains(t, c.check(t.Context()), "jumped by "+by.String())
			time.Sleep(time.Minute)
			require.ErrorIs(t, c.check(t.Context()), wrong)
			is(t, c, 0)
			jump(-by)
			require.NoError(t, c.check(t.Context()), "it is set right")
			is(t, c, 0)
		}
	})
}

func TestAClockThatTheDatabaseConfirmsIsFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var right error
		c, jump := jumping(true, &right)
		jump(time.Hour)
		require.Error(t, c.check(t.Context()), "once at least, so that every deadline begins anew")
		is(t, c, 0)
		time.Sleep(healthEvery)
		require.NoError(t, c.check(t.Context()))
		is(t, c, time.Hour)
	})
}

func TestAClockThatNobodyConfirmsIsFollowedAfterAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var none error
		c, jump := jumping(false, &none)
		jump(-time.Hour)
		for range 10 {
			require.Error(t, c.check(t.Context()))
			is(t, c, 0)
			time.Sleep(time.Second)
		}
		require.NoError(t, c.check(t.Context()))
		is(t, c, -time.Hour)
	})
}

func TestAClockIsFollowedInSmallSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wrong := errors.New("not asked")
		c, jump := jumping(true, &wrong)
		for range 5 {
			jump(3 * time.Second)
			require.NoError(t, c.check(t.Context()))
		}
		is(t, c, 15*time.Second)
	})
}
