//go:build chaos

package chaos

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"
)

// load is people who shop for a while.
type load struct {
	m       *mall
	proc    *process
	journal string
	mu      sync.Mutex
	out     bytes.Buffer
}

// report is what busywork says of itself.
type report struct {
	Orders   int64            `json:"orders"`
	Approved int64            `json:"approved"`
	Rejected int64            `json:"rejected"`
	Errors   map[string]int64 `json:"errors"`
	Retries  map[string]int64 `json:"retries"`
}

// shop sets people to work.
func (m *mall) shop(length time.Duration) *load {
	m.t.Helper()
	m.loads++
	l := &load{m: m, journal: filepath.Join(m.dir, fmt.Sprintf("journal-%d", m.loads))}
	think := max(20*time.Millisecond, length/100) // in a long fault the books need not fill up
	var err error
	l.proc, err = spawn(m.log, nil, func(line string) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.out.WriteString(line + "\n")
	}, shipped, "busywork", "--server=http://"+m.http, "--shoppers=6", "--keepers=1", "--bots=2", "--think="+think.String(),
		"--duration="+length.String(), "--patience=180s", "--drain=60s", "--journal="+l.journal, "--json")
	require.NoError(m.t, err)
	m.t.Cleanup(l.proc.kill)
	return l
}

// answered is how many check-outs were answered so far.
func (l *load) answered() int {
	content, _ := os.ReadFile(l.journal)
	return bytes.Count(content, []byte("answered "))
}

// progress waits until another check-out is answered.
func (l *load) progress(patience time.Duration) bool {
	before := l.answered()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline) && l.proc.runs(); time.Sleep(2 * time.Millisecond) {
		if l.answered() > before {
			return true
		}
	}
	return false
}

// finish waits until people have gone home, and returns what they report.
func (l *load) finish() report {
	l.m.t.Helper()
	require.True(l.m.t, l.proc.wait(5*time.Minute), "the shoppers did not come to an end")
	l.mu.Lock()
	defer l.mu.Unlock()
	var r report
	require.NoError(l.m.t, l.proc.err, "busywork: %s", &l.out)
	require.NoError(l.m.t, json.Unmarshal(l.out.Bytes(), &r), "%s", &l.out)
	return r
}

// promises are the check-outs that were answered, and those whose first attempt
// was not, so that for a time nobody knew whether it was heard.
func (m *mall) promises() (answered, unknown map[string]bool) {
	m.t.Helper()
	answered, unknown = map[string]bool{}, map[string]bool{}
	journals, err := filepath.Glob(filepath.Join(m.dir, "journal-*"))
	require.NoError(m.t, err)
	for _, journal := range journals {
		content, err := os.ReadFile(journal)
		require.NoError(m.t, err)
		for line := range strings.Lines(string(content)) {
			what, id, _ := strings.Cut(strings.TrimSpace(line), " ")
			switch what {
			case "answered":
				answered[id] = true
			case "unknown":
				unknown[id] = true
			}
		}
	}
	return answered, unknown
}
