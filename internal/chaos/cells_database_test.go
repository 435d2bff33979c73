//go:build chaos

package chaos

import (
	"context"
	"database/sql"
	"time"

	"github.com/stretchr/testify/require"
)

// databaseCells take the database away, or stand in its way.
func databaseCells() []cell {
	return []cell{
		{name: "database crashed and started", backends: onlyExternal, lasts: 2 * time.Second, strike: func(m *mall, _ *load) int {
			require.NoError(m.t, m.pg.Crash())
			m.pause(time.Second)
			m.healed = time.Now()
			require.NoError(m.t, m.pg.Restart())
			return 1
		}},
		{name: "connections cut", backends: onlyExternal, lasts: 2 * time.Second, strike: func(m *mall, _ *load) int {
			cut := 0
			for range 5 {
				cut += m.cutConnections()
				m.pause(400 * time.Millisecond)
			}
			m.healed = time.Now()
			return cut
		}},
		{name: "long transaction", backends: onlyExternal, lasts: *outageFlag, strike: func(m *mall, l *load) int {
			return m.longTransaction(l, *outageFlag)
		}},
		{name: "deadlines too early", backends: both, lasts: 3 * time.Second, strike: func(m *mall, _ *load) int {
			defer func() { m.healed = time.Now() }()
			return m.hurryTimers(3 * time.Second)
		}},
	}
}

// cutConnections ends every connection of the mall.
func (m *mall) cutConnections() int {
	m.t.Helper()
	b := m.open("stores")
	defer b.close()
	var cut int
	require.NoError(m.t, b.db.QueryRow(`SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity
		WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`).Scan(&cut))
	return cut
}

// longTransaction leaves a transaction open that has written, in the cluster
// and the schema of the mall, while people go on shopping.
func (m *mall) longTransaction(l *load, length time.Duration) int {
	m.t.Helper()
	b := m.open("ordering")
	defer b.close()
	tx, err := b.db.Begin()
	require.NoError(m.t, err)
	_, err = tx.Exec(`INSERT INTO ordering.outbox_keys (key, sequence) VALUES ('nobody', 1)`)
	require.NoError(m.t, err)
	served := 0
	for end := time.Now().Add(length); time.Now().Before(end); {
		require.True(m.t, l.progress(5*time.Second) || !l.proc.runs(), "the transaction of another holds up the mall")
		served++
	}
	require.NoError(m.t, tx.Rollback())
	m.healed = time.Now()
	require.NotZero(m.t, served)
	return 1
}

// hurryTimers makes every deadline due at once, again and again.
func (m *mall) hurryTimers(length time.Duration) (hurried int) {
	m.t.Helper()
	b := m.open("ordering")
	defer b.close()
	for end := time.Now().Add(length); time.Now().Before(end) && m.proc.runs(); time.Sleep(5 * time.Millisecond) {
		result, err := b.db.Exec(`UPDATE ` + b.prefix + `timers SET due_at = 1 WHERE due_at > 1`)
		if err != nil {
			continue // it is busy
		}
		n, err := result.RowsAffected()
		require.NoError(m.t, err)
		hurried += int(n)
	}
	return hurried
}

// inTheWay holds a lock that every writer of ordering needs, so that what it
// consumes has to be tried again.
func (m *mall) inTheWay(length time.Duration, wanted func() bool) {
	m.t.Helper()
	if m.backend == external {
		for end := time.Now().Add(length); time.Now().Before(end) && wanted(); time.Sleep(100 * time.Millisecond) {
			m.cutConnections()
		}
		return
	}
	b := m.open("ordering")
	defer b.close()
	ctx := context.Background()
	var conn *sql.Conn
	conn, err := b.db.Conn(ctx)
	require.NoError(m.t, err)
	defer func() { require.NoError(m.t, conn.Close()) }()
	_, err = conn.ExecContext(ctx, "BEGIN IMMEDIATE")
	require.NoError(m.t, err)
	m.until(length, func() bool { return !wanted() })
	_, err = conn.ExecContext(ctx, "ROLLBACK")
	require.NoError(m.t, err)
}
