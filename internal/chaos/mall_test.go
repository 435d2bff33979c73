//go:build chaos

package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/database/pgtest"
	"mallbots/internal/freeport"
)

// The backends.
const (
	embedded = "SQLite, embedded"
	external = "PostgreSQL, NATS"
)

// mall is a mall that is about to suffer.
type mall struct {
	t       *testing.T
	backend string
	dir     string
	data    string // directory of the process
	http    string // its addresses stay the same
	ops     string
	binary  string
	env     []string
	args    []string // more of serve's
	log     *os.File
	rand    *rand.Rand

	proc *process

	other    *process // the other replica of two
	otherOps string

	pg   *pgtest.Server
	nats *natsServer

	toDatabase, toBroker *wire // nil where it goes straight to its servers
	straight             bool  // whoever starts from now on does

	loads    int
	healed   time.Time       // when the last fault was taken away
	known    map[string]bool // keys that were poisoned on purpose
	poisoned int             // how many of them in this run
}

// newMall starts a mall without anything in it.
func newMall(t *testing.T, backend, binary string, seed uint64, args ...string) *mall {
	t.Helper()
	dir, err := os.MkdirTemp("", "mallbots-chaos-")
	require.NoError(t, err)
	log, err := os.Create(filepath.Join(dir, "log"))
	require.NoError(t, err)
	m := &mall{
		t: t, backend: backend, dir: dir, data: filepath.Join(dir, "data"), http: freeport.Address(t), ops: freeport.Address(t),
		binary: binary, args: args, log: log, rand: rand.New(rand.NewPCG(seed, uint64(len(backend)))), known: map[string]bool{},
	}
	if backend == external {
		m.pg, err = pgtest.Start(true)
		require.NoError(t, err)
		t.Cleanup(m.pg.Stop)
		m.nats = newNATS(t, filepath.Join(dir, "nats"), log)
	}
	t.Cleanup(func() {
		if m.proc != nil {
			m.proc.signal(syscall.SIGCONT)
			m.proc.kill()
		}
		_ = log.Close()
		if t.Failed() {
			t.Logf("kept for a look: %s", dir)
			return
		}
		_ = os.RemoveAll(dir)
	})
	return m
}

// serving are the arguments of serve.
func (m *mall) serving(http, ops string) []string {
	args := append([]string{"serve", "--http=" + http, "--ops=" + ops, "--data=" + m.data, "--log-level=warn", "--free-disk=-1"}, m.args...)
	if m.backend == external {
		database, broker := m.pg.DSN, m.nats.url()
		if m.toDatabase != nil && !m.straight {
			database, broker = "postgres://mallbots@"+m.toDatabase.address()+"/postgres?sslmode=disable", "nats://"+m.toBroker.address()
		}
		args = append(args, "--database-url="+database, "--nats-url="+broker)
	}
	return args
}

// start starts the process and waits until it answers.
func (m *mall) start() {
	m.t.Helper()
	ready := make(chan struct{})
	var err error
	m.proc, err = spawn(m.log, m.env, func(line string) {
		if strings.Contains(line, "operations") {
			close(ready)
		}
	}, m.binary, m.serving(m.http, m.ops)...)
	require.NoError(m.t, err)
	select {
	case <-ready:
	case <-m.proc.exited: // by a failpoint, or it is told later
	case <-time.After(60 * time.Second):
		require.Fail(m.t, "the process did not get ready")
	}
}

// kill kills the process; back starts it again.
func (m *mall) kill() { m.proc.kill() }

func (m *mall) back() {
	m.t.Helper()
	m.env = nil
	m.healed = time.Now()
	m.start()
}

// stop ends the process as an operator does.
func (m *mall) stop() {
	m.t.Helper()
	m.proc.signal(syscall.SIGTERM)
	require.True(m.t, m.proc.wait(20*time.Second), "SIGTERM did not end the process within 20 s")
	require.NoError(m.t, m.proc.err, "the end after SIGTERM")
}

// ready says whether readiness is green.
func (m *mall) ready() bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+m.ops+"/readyz", nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode == http.StatusOK
}

// operate calls the operations listener, and decodes its answer.
func (m *mall) operate(method, path string, body string, into any) error {
	req, err := http.NewRequest(method, "http://"+m.ops+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %d %s", method, path, res.StatusCode, data)
	}
	if err == nil && into != nil {
		err = json.Unmarshal(data, into)
	}
	return err
}

// pause waits for a random time, at most longest.
func (m *mall) pause(longest time.Duration) {
	time.Sleep(time.Duration(m.rand.Int64N(int64(longest))))
}
