//go:build chaos

package chaos

import (
	"bufio"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/freeport"
)

// leaderCells run two processes of the whole mall on one database, of which the
// first leads every relay and deals out to every consumer. People shop at the
// second when the leader is struck, and at the first when the follower is.
func leaderCells() []cell {
	return []cell{
		{name: "leader paused and resumed", backends: onlyExternal, watched: true, lasts: *pauseFlag + 3*time.Second, fresh: true, before: secondReplica, strike: pauseLeader},
		{name: "leader killed", backends: onlyExternal, watched: true, lasts: time.Second, fresh: true, before: secondReplica, strike: func(m *mall, _ *load) int {
			m.other.kill()
			m.healed = time.Now()
			return 1
		}},
		{name: "follower paused and resumed", backends: onlyExternal, watched: true, lasts: *pauseFlag + time.Second, fresh: true, before: follower, strike: func(m *mall, _ *load) int {
			m.other.signal(syscall.SIGSTOP)
			time.Sleep(*pauseFlag)
			m.healed = time.Now()
			m.other.signal(syscall.SIGCONT)
			return 1
		}},
		{name: "follower killed", backends: onlyExternal, watched: true, lasts: time.Second, fresh: true, before: follower, strike: func(m *mall, _ *load) int {
			m.other.kill()
			m.healed = time.Now()
			return 1
		}},
	}
}

// secondReplica starts a second process; the first is the leader from then on.
func secondReplica(m *mall) {
	m.until(20*time.Second, m.ready)
	m.other, m.otherOps = m.proc, m.ops
	m.t.Cleanup(m.other.kill)
	m.http, m.ops, m.data = freeport.Address(m.t), freeport.Address(m.t), filepath.Join(m.dir, "second")
	m.start()
}

// follower starts a second process, and people stay at the first.
func follower(m *mall) {
	http, ops, data := m.http, m.ops, m.data
	secondReplica(m)
	m.until(20*time.Second, m.ready)
	m.proc, m.other = m.other, m.proc
	m.otherOps, m.http, m.ops, m.data = m.ops, http, ops, data
	m.t.Cleanup(m.other.kill)
}

// pauseLeader stops the leader for longer than its lease. The other has to take
// over, and the leader must write nothing when it wakes up.
func pauseLeader(m *mall, l *load) int {
	m.t.Helper()
	before := m.published(m.otherOps)
	m.other.signal(syscall.SIGSTOP)
	over := m.meanwhile(*pauseFlag, "the other took over", func() bool { return m.published(m.ops) > 0 })
	m.healed = time.Now()
	m.other.signal(syscall.SIGCONT)
	time.Sleep(2 * time.Second)
	after := m.published(m.otherOps)
	m.t.Logf("paused for %s; the other took over after %s; the first had published %d and then %d more",
		*pauseFlag, over.Round(time.Millisecond), before, after-before)
	require.Less(m.t, after-before, 50, "a leader that woke up has published") // what was on its way when it was stopped counts
	require.True(m.t, m.until(time.Second, func() bool { return m.published(m.otherOps) == after }), "it goes on publishing")
	return 1
}

// published is how many messages a process says that it has published.
func (m *mall) published(ops string) (n int) {
	m.t.Helper()
	res, err := http.Get("http://" + ops + "/metrics")
	require.NoError(m.t, err)
	defer func() { _ = res.Body.Close() }()
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "mallbots_events_published_total") {
			words := strings.Fields(lines.Text())
			value, err := strconv.ParseFloat(words[len(words)-1], 64)
			require.NoError(m.t, err)
			n += int(value)
		}
	}
	return n
}
