//go:build chaos

package chaos

import (
	"syscall"
	"time"

	"github.com/stretchr/testify/require"
)

// patience is how long the depot may take to answer.
const patience = 10 * time.Minute

// clockCells have the machine's clock jump while the process runs, and set it
// right again. The process is told to be wrong about it: the clock of a machine
// is that of the others on it as well.
func clockCells() []cell {
	var all []cell
	for _, jump := range []string{"1h", "-1h"} {
		all = append(all, cell{
			name: "clock jumps by " + jump, backends: onlyExternal, watched: true, lasts: 6 * time.Second,
			before: func(m *mall) {
				m.stop()
				m.env = []string{"MALLBOTS_FAILPOINT_JUMP=" + jump}
				m.start()
			},
			strike: func(m *mall, _ *load) int { return m.jumpClock() },
		})
	}
	return all
}

// jumpClock has the clock jump while orders wait for the depot, which cannot
// answer. None may be given up, and every deadline has to be as far away as it is.
func (m *mall) jumpClock() int {
	m.t.Helper()
	depot := m.open("depot")
	defer depot.close()
	inTheWay, err := depot.db.Begin()
	require.NoError(m.t, err)
	_, err = inTheWay.Exec(`LOCK TABLE depot.stock IN ACCESS EXCLUSIVE MODE`)
	require.NoError(m.t, err)
	ordering := m.open("ordering")
	defer ordering.close()
	ask := func(query string, args ...any) (n int) {
		require.NoError(m.t, ordering.db.QueryRow(query, args...).Scan(&n))
		return n
	}
	waiting := `SELECT COUNT(*) FROM ordering.timers`
	require.True(m.t, m.until(20*time.Second, func() bool { return ask(waiting) > 0 }), "no order waits")

	m.proc.signal(syscall.SIGUSR1)
	require.True(m.t, m.until(3*time.Second, func() bool { return !m.ready() }), "readiness is green with a wrong clock")
	time.Sleep(3 * time.Second)
	now := time.Now()
	due, gaveUp := ask(waiting), ask(`SELECT COUNT(*) FROM ordering.events WHERE name = 'GaveUp'`)
	astray := ask(waiting+` WHERE due_at < $1 OR due_at > $2`, now.UnixMicro(), now.Add(patience+time.Second).UnixMicro())
	m.t.Logf("%d orders wait, %d were given up, %d have a deadline that is astray", due, gaveUp, astray)

	m.healed = time.Now()
	m.proc.signal(syscall.SIGUSR1)
	require.NoError(m.t, inTheWay.Rollback())
	require.Zero(m.t, gaveUp+astray)
	require.NotZero(m.t, due)
	return 1
}
