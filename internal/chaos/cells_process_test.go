//go:build chaos

package chaos

import (
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/failpoint"
)

// failpointCells kill the process at each named point of its work.
func failpointCells() []cell {
	var all []cell
	for _, name := range failpoint.Names {
		c := cell{
			name: "SIGKILL at " + name, backends: both, watched: true, early: true, lasts: time.Second,
			before: func(m *mall) {
				m.stop()
				passes := 20 + m.rand.IntN(150)
				switch name {
				case "timer.firing", "timer.fired":
					passes = 1 + m.rand.IntN(3)
				case "inbox.parking", "inbox.retry":
					passes = 1
				case "relay.moving", "relay.moved":
					passes = 2 + m.rand.IntN(20)
				}
				m.env = []string{fmt.Sprintf("MALLBOTS_FAILPOINT=%s:%d", name, passes)}
				m.start()
			},
			strike: func(m *mall, l *load) int {
				provoke(m, l, name)
				if !m.proc.wait(20 * time.Second) {
					return 0 // it was never passed so often
				}
				if !m.proc.killed() {
					return 0
				}
				m.back()
				return 1
			},
		}
		if name == "inbox.parking" {
			c.backends, c.after = []string{external}, discardPoison
		}
		all = append(all, c)
	}
	return all
}

// provoke brings about what shopping alone does not.
func provoke(m *mall, l *load, point string) {
	switch point {
	case "inbox.parking":
		m.until(20*time.Second, func() bool { return m.streamExists("stores") })
		m.poison(1)
	case "inbox.retry":
		l.progress(20 * time.Second)
		m.inTheWay(20*time.Second, func() bool { return m.proc.runs() })
	case "timer.firing", "timer.fired":
		m.hurryTimers(10 * time.Second)
	}
}

// processCells do to the whole process what machines and operators do.
func processCells() []cell {
	return []cell{
		{name: "SIGKILL", backends: both, lasts: time.Second, strike: func(m *mall, _ *load) int {
			m.kill()
			m.back()
			return 1
		}},
		{name: "SIGKILL again and again", backends: both, lasts: 2 * time.Second * time.Duration(*restartsFlag), strike: func(m *mall, _ *load) int {
			for range *restartsFlag {
				m.pause(2 * time.Second)
				m.kill()
				m.back()
			}
			return *restartsFlag
		}},
		{name: "SIGTERM", backends: both, lasts: time.Second, strike: func(m *mall, _ *load) int {
			m.stop()
			m.back()
			return 1
		}},
		{name: "SIGSTOP, SIGCONT", backends: both, lasts: 6 * time.Second, strike: func(m *mall, _ *load) int {
			m.proc.signal(syscall.SIGSTOP)
			time.Sleep(6 * time.Second)
			m.healed = time.Now()
			m.proc.signal(syscall.SIGCONT)
			return 1
		}},
		{name: "two processes on one data directory", backends: []string{embedded}, strike: secondProcess},
	}
}

// secondProcess starts the binary once more on the same data.
func secondProcess(m *mall, _ *load) int {
	m.t.Helper()
	reader, writer, err := os.Pipe()
	require.NoError(m.t, err)
	second, err := spawn(writer, nil, func(string) {}, m.binary, m.serving("127.0.0.1:0", "127.0.0.1:0")...)
	require.NoError(m.t, err)
	require.NoError(m.t, writer.Close())
	ended := second.wait(10 * time.Second)
	second.kill()
	said, err := io.ReadAll(reader)
	require.NoError(m.t, err)
	require.True(m.t, ended && !second.killed() && strings.Contains(string(said), "is held by process"), "the second process was not refused: %s", said)
	m.healed = time.Now()
	return 1
}
