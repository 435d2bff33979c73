//go:build chaos

package chaos

import (
	"fmt"
	"os"
	"regexp"
	"testing"
	"time"
)

// perMall is how many kills one mall suffers before another takes its place, so
// that the audits do not get longer and longer.
const perMall = 25

// TestKills kills the whole process again and again under load, and audits it
// after each time.
func TestKills(t *testing.T) {
	if *killsFlag == 0 {
		t.Skip("make chaos/kills asks for it")
	}
	kill := cell{name: "SIGKILL, audited after each", strike: func(m *mall, _ *load) int {
		m.kill()
		m.back()
		return 1
	}}
	var rows []row
	defer func() { print(rows) }()
	wanted := regexp.MustCompile(*backendsFlag)
	for _, backend := range both {
		if backend == external && !havePostgres() || !wanted.MatchString(backend) {
			continue
		}
		r := row{cell: kill.name, backend: backend}
		for r.runs < *killsFlag && !spent() && !t.Failed() {
			t.Run(fmt.Sprintf("%s/%d", backend, r.runs), func(t *testing.T) {
				m := newMall(t, backend, shipped, *seedFlag^uint64(r.runs))
				fmt.Fprintf(os.Stderr, "%8s  %s: %d kills\n", time.Since(began).Round(time.Second), backend, r.runs)
				ok, unknown := 0, 0
				for n := 0; n < perMall && r.runs < *killsFlag && !spent(); n++ {
					v := m.suffer(kill)
					r.add(v, ok, unknown)
					ok, unknown = v.ok, v.unknown
					if !v.clean() {
						t.Errorf("seed %d, kill %d: %v %v %s", *seedFlag, r.runs, v.counted.examples, v.differences, v.trouble)
						return
					}
				}
			})
		}
		rows = append(rows, r)
	}
}
