//go:build chaos

package chaos

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"
)

// verdict is what one run has shown.
type verdict struct {
	fired       int // faults that really happened
	ok          int // check-outs answered
	unknown     int // check-outs whose first attempt was not answered
	rejected    int64
	counted     count
	differences []string // checks of the audit that do not hold
	recovery    time.Duration
	trouble     string // what else went wrong
}

func (v verdict) clean() bool {
	return v.counted.lost+v.counted.doubled+v.counted.reordered+len(v.differences) == 0 && v.trouble == ""
}

// judge waits until all is quiet, and reads the books.
func (m *mall) judge(v *verdict) {
	m.t.Helper()
	if !m.until(60*time.Second, m.ready) {
		var parts any
		_ = m.operate("GET", "/readyz", "", &parts)
		v.trouble = "it did not get ready again"
		m.t.Log(v.trouble, parts)
		return
	}
	v.differences = m.audit()
	// What has to be published again is not behind anywhere until it is.
	m.until(20*time.Second, func() bool {
		v.counted = m.count()
		return v.counted.lost == 0
	})
	answered, unknown := m.promises()
	v.ok, v.unknown = len(answered), len(unknown)
}

// audit returns the checks that do not hold.
func (m *mall) audit() []string {
	m.t.Helper()
	cmd := exec.Command(shipped, "audit", "--ops=http://"+m.ops, "--wait=60s", "--json")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var answer struct {
		OK     bool
		Checks []struct {
			Name, Detail string
			OK           bool
		}
	}
	require.NoError(m.t, json.Unmarshal(stdout.Bytes(), &answer), "audit: %v %s%s", err, &stdout, &stderr)
	var broken []string
	for _, line := range answer.Checks {
		if !line.OK {
			broken = append(broken, line.Name+": "+line.Detail)
		}
	}
	if !answer.OK && len(broken) == 0 {
		broken = append(broken, "the audit says no, and not why")
	}
	return broken
}

// until asks again and again, and says whether the answer was yes in time.
func (m *mall) until(patience time.Duration, ask func() bool) bool {
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if ask() {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
	}
}

// meanwhile lets so much time pass, in which the answer has to become yes, and
// returns after how long it did.
func (m *mall) meanwhile(length time.Duration, what string, ask func() bool) time.Duration {
	m.t.Helper()
	begun := time.Now()
	yes := m.until(length, ask)
	took := time.Since(begun)
	m.t.Logf("%s after %s", what, took.Round(time.Millisecond))
	require.True(m.t, yes, "within %s: %s", length, what)
	time.Sleep(length - took)
	return took
}

// suffer is one run of a cell.
func (m *mall) suffer(c cell) (v verdict) {
	m.t.Helper()
	if m.proc == nil || !m.proc.runs() {
		m.env = nil
		m.start()
	}
	if c.before != nil {
		c.before(m)
	}
	l := m.shop(c.lasts + *shoppingFlag)
	if !c.early {
		require.True(m.t, l.progress(30*time.Second), "nobody shops")
		m.pause(500 * time.Millisecond)
	}
	m.healed = time.Now()
	v.fired = c.strike(m, l)
	if v.fired > 0 {
		before := m.healed
		switch {
		case c.wired:
			m.until(60*time.Second, func() bool { return m.ready() && (!l.proc.runs() || m.decides(before)) })
		case m.until(60*time.Second, m.ready) && l.proc.runs():
			l.progress(60 * time.Second)
		}
		v.recovery = time.Since(before)
		if c.wired && v.recovery > c.within {
			v.trouble = fmt.Sprintf("it healed after %s", v.recovery)
		}
	}
	r := l.finish()
	if c.after != nil {
		c.after(m)
	}
	for _, n := range r.Errors {
		v.rejected += n
	}
	m.judge(&v)
	return v
}
