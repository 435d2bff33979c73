//go:build chaos

package chaos

import (
	"net"
	"path/filepath"
	"strconv"
	"time"

	"github.com/stretchr/testify/require"
)

// again is within what time after a fault of the network the mall has to be
// itself again: twice what is promised, for the machine may have other work.
// Behind a proxy that acknowledges what it loses, nobody knows better than the
// deadlines of those who ask.
const (
	again       = 10 * time.Second
	againBehind = 30 * time.Second
)

// networkCells damage the network between the mall and one of its servers.
// Everything else of the run goes straight to them.
func networkCells() []cell {
	var all []cell
	for _, server := range []string{"PostgreSQL", "NATS"} {
		within := again
		add := func(name string, lasts time.Duration, strike func(m *mall, w *wire) int) {
			all = append(all, cell{
				name: "network to " + server + ": " + name, backends: onlyExternal, wired: true, within: within, lasts: lasts,
				strike: func(m *mall, _ *load) int { return strike(m, m.wireTo(server)) },
			})
		}
		spell := func(name string, lasts time.Duration, now weather) {
			add(name, lasts, func(m *mall, w *wire) int {
				w.become(now)
				time.Sleep(lasts)
				m.healed = time.Now()
				w.become(weather{})
				return 1
			})
		}
		spell("50 to 2000 ms late", 8*time.Second, weather{latency: 50 * time.Millisecond, jitter: 1950 * time.Millisecond})
		spell("8 KB a second", 6*time.Second, weather{rate: 8 << 10})
		spell("deaf", 8*time.Second, weather{held: [2]bool{toServer: true}})
		spell("mute", 8*time.Second, weather{held: [2]bool{toMall: true}})
		add("partition", *outageFlag, func(m *mall, w *wire) int {
			return m.cutOff(w)
		})
		add("connections reset", 2*time.Second, func(m *mall, w *wire) (cut int) {
			for range 5 {
				cut += w.reset()
				m.pause(400 * time.Millisecond)
			}
			m.healed = time.Now()
			return cut
		})
		add("connections forgotten", 6*time.Second, func(m *mall, w *wire) int {
			m.healed = time.Now()
			return w.forget(false)
		})
		add("restarted, heard of late", 5*time.Second, func(m *mall, w *wire) int {
			w.become(weather{lateEnd: 4 * time.Second})
			if server == "NATS" {
				m.nats.proc.kill()
				m.nats.start()
			} else {
				m.cutConnections()
			}
			time.Sleep(4 * time.Second)
			m.healed = time.Now()
			w.become(weather{})
			return 1
		})
		within = againBehind
		add("connections forgotten by a proxy", 6*time.Second, func(m *mall, w *wire) int {
			m.healed = time.Now()
			return w.forget(true)
		})
		all = append(all, cell{
			name: "network of the leader to " + server + ": partition", backends: onlyExternal, wired: true, within: again, watched: true, fresh: true,
			lasts: *outageFlag, before: partedReplica, strike: func(m *mall, _ *load) int {
				w := m.wireTo(server)
				w.become(partition)
				begun := time.Now()
				if *outageFlag > long { // a relay takes ten seconds to step back
					m.meanwhile(*outageFlag, "the other took over", func() bool { return m.decides(begun.Add(time.Second)) })
				}
				time.Sleep(*outageFlag - time.Since(begun))
				m.healed = time.Now()
				w.become(weather{})
				return 1
			},
		})
	}
	return all
}

// wire puts wires between the mall and its servers, from its next start on.
func (m *mall) wire() {
	m.t.Helper()
	m.toDatabase = newWire(m.t, "unix", filepath.Join(m.pg.Dir, ".s.PGSQL.5432"))
	m.toBroker = newWire(m.t, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(m.nats.port)))
}

// partedReplica starts a second process, where people shop; its network is well.
func partedReplica(m *mall) {
	m.straight = true
	secondReplica(m)
	m.until(20*time.Second, m.ready)
}

func (m *mall) wireTo(server string) *wire {
	if server == "NATS" {
		return m.toBroker
	}
	return m.toDatabase
}

// cutOff parts the mall from a server for the time of an outage. Readiness must
// tell before half of it is over.
func (m *mall) cutOff(w *wire) int {
	m.t.Helper()
	w.become(partition)
	m.meanwhile(*outageFlag, "readiness was red", func() bool { return !m.ready() })
	m.healed = time.Now()
	w.become(weather{})
	return 1
}

// decides says whether an order that was placed since then was decided: all
// modules took part in that, their relays and their consumers.
func (m *mall) decides(since time.Time) bool {
	m.t.Helper()
	b := m.open("ordering")
	defer b.close()
	var n int
	require.NoError(m.t, b.db.QueryRow(`SELECT COUNT(*) FROM ordering.events placed JOIN ordering.events decided USING (aggregate_id)
		WHERE placed.name = 'Placed' AND placed.occurred_at > $1 AND decided.name IN ('Approved', 'Rejected')`, since.UnixMicro()).Scan(&n))
	return n > 0
}
