package database_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
)

// fit is a process that can always work.
func fit() error { return nil }

// attends is a process that is one of the crew until it is told to go.
func attends(t *testing.T, db database.DB) (leave func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	ready := make(chan struct{}, 10)
	go func() {
		defer close(done)
		database.Attend(ctx, db, fit, func(int64) { ready <- struct{}{} })
	}()
	<-ready
	leave = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	t.Cleanup(leave)
	return leave
}

// long is how long a test waits for what must come, however busy the machine is.
const long = 30 * time.Second

func eventually(t *testing.T, condition func() bool, message string) {
	t.Helper()
	require.Eventually(t, condition, long, time.Millisecond, message)
}

func TestOneProcessIsTheWholeCrew(t *testing.T) {
	databasetest.Each(t, nil, func(t *testing.T, db database.DB) {
		attends(t, db)
		eventually(t, func() bool { return database.CrewOf(db).Leads() }, "it leads")
		crew := database.CrewOf(db)
		require.Equal(t, []int64{crew.Self}, crew.Members)
		require.Equal(t, crew.Self, crew.Owner(31, 32))
	})
}

// crewTold is within which time a process hears of another that has left.
const crewTold = 400 * time.Millisecond

func TestACrewChanges(t *testing.T) {
	config := databasetest.Config(t, database.Postgres, "test")
	first, second := open(t, config, nil), open(t, config, nil)
	require.Zero(t, database.CrewOf(first).Self, "who does not attend is no member")

	leave := attends(t, first)
	eventually(t, func() bool { return database.CrewOf(first).Leads() }, "the first leads")
	attends(t, second)
	for _, db := range []database.DB{first, second} {
		eventually(t, func() bool { return len(database.CrewOf(db).Members) == 2 }, "both know both")
	}
	require.Equal(t, database.CrewOf(first).Members, database.CrewOf(second).Members)
	require.True(t, database.CrewOf(first).Leads(), "the one that has been there longer")
	require.False(t, database.CrewOf(second).Leads())

	best := long
	for round := 0; round < 5 && best >= crewTold; round++ { // while the machine is busy it cannot be told at once
		if round > 0 {
			leave = attends(t, first)
			eventually(t, func() bool { return len(database.CrewOf(second).Members) == 2 }, "it is back")
		}
		changed, stop := second.Listen(database.TopicCrew)
		leave()
		left := time.Now()
		select {
		case <-changed:
		case <-time.After(long):
			t.Fatal("the second does not know")
		}
		best = min(best, time.Since(left))
		stop()
	}
	require.Less(t, best, crewTold, "it is told, and does not have to look")
	eventually(t, func() bool { return database.CrewOf(second).Leads() }, "the second leads")
	require.Zero(t, database.CrewOf(first).Self)

	attends(t, first)
	eventually(t, func() bool { return len(database.CrewOf(first).Members) == 2 }, "it is back")
	require.True(t, database.CrewOf(second).Leads(), "who comes back is the youngest")
}

func TestAMemberThatLosesItsSessionComesBack(t *testing.T) {
	config := databasetest.Config(t, database.Postgres, "test")
	db := open(t, config, nil)
	attends(t, db)
	eventually(t, func() bool { return database.CrewOf(db).Leads() }, "it leads")
	since := database.CrewOf(db).Since

	conn, err := pgx.Connect(t.Context(), config.URL)
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	_, err = conn.Exec(t.Context(), `SELECT pg_terminate_backend(pid, 5000) FROM pg_locks
		WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
	require.NoError(t, err)
	eventually(t, func() bool {
		crew := database.CrewOf(db)
		return crew.Leads() && crew.Since.After(since)
	}, "it leads again")
}

func TestWordsReachOtherProcesses(t *testing.T) {
	config := databasetest.Config(t, database.Postgres, "test")
	first, second := open(t, config, nil), open(t, config, nil)
	say := func(db database.DB, how func(tx database.Tx)) {
		require.NoError(t, db.InTx(t.Context(), func(tx database.Tx) error {
			how(tx)
			return nil
		}))
	}
	within := func(wait time.Duration, wake <-chan struct{}) bool {
		select {
		case <-wake:
			return true
		case <-time.After(wait):
			return false
		}
	}
	hears := func(wake <-chan struct{}) bool { return within(long, wake) }
	silent := func(wake <-chan struct{}) bool { return !within(300*time.Millisecond, wake) }
	wake, stop := second.Listen("orders")
	defer stop()
	say(first, func(tx database.Tx) { tx.NotifyAll("orders") })
	require.True(t, silent(wake), "there is no crew yet")

	attends(t, first)
	attends(t, second)
	eventually(t, func() bool { return len(database.CrewOf(first).Members) == 2 }, "both are there")
	say(first, func(tx database.Tx) { tx.NotifyAll("orders") })
	require.True(t, hears(wake))
	say(first, func(tx database.Tx) { tx.NotifyOne("orders") })
	require.True(t, hears(wake), "nobody listens in the process that says it")
	say(first, func(tx database.Tx) { tx.Notify("orders") })
	require.True(t, silent(wake), "not meant for others")

	mine, stopMine := first.Listen("orders")
	defer stopMine()
	say(first, func(tx database.Tx) { tx.NotifyOne("orders") })
	require.True(t, hears(mine))
	require.True(t, silent(wake), "one is enough")
	say(first, func(tx database.Tx) { tx.NotifyAll("orders") })
	require.True(t, hears(mine))
	require.True(t, hears(wake))
	require.True(t, silent(mine), "nobody hears itself twice")
}

func TestPartsAreSharedEvenly(t *testing.T) {
	for n := int64(1); n <= 8; n++ {
		var crew database.Crew
		for i := range n {
			crew.Members = append(crew.Members, 100+i)
		}
		parts := map[int64]int{}
		for part := range 32 {
			parts[crew.Owner(part, 32)]++
		}
		require.Len(t, parts, int(n))
		for member, share := range parts {
			require.InDelta(t, 32/float64(n), share, 1, "%d of %d", member, n)
		}
	}
}
