package e2e

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/freeport"
)

// process is a server that can be killed and started again at its addresses.
type process struct {
	name string
	args []string // the command line
	env  []string
	log  string // file that it writes to
	up   func(line string) bool

	mu     sync.Mutex
	cmd    *exec.Cmd
	exited chan struct{}
}

// starts are handed to one thread that lives as long as this process: a child
// is killed when the thread that started it ends.
var starts = sync.OnceValue(func() chan func() {
	queue := make(chan func())
	go func() {
		runtime.LockOSThread()
		for start := range queue {
			start()
		}
	}()
	return queue
})

// begin starts the process, and returns what is closed when it has said that it is up.
func (p *process) begin() (<-chan struct{}, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the child has its own
	cmd := exec.Command(p.args[0], p.args[1:]...)
	for _, setting := range os.Environ() {
		if !strings.HasPrefix(setting, "MALLBOTS_") {
			cmd.Env = append(cmd.Env, setting)
		}
	}
	cmd.Env = append(cmd.Env, p.env...)
	cmd.Stderr = log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	failed := make(chan error)
	starts() <- func() { failed <- cmd.Start() }
	if err := <-failed; err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	up, exited := make(chan struct{}), make(chan struct{})
	p.cmd, p.exited = cmd, exited
	go func() {
		announced := false
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			if !announced && p.up(lines.Text()) {
				announced = true
				close(up)
			}
		}
		_ = cmd.Wait() // how it ended is in the log
		close(exited)
	}()
	return up, nil
}

// start starts the process, and waits until it is up.
func (p *process) start(t *testing.T) {
	t.Helper()
	up, err := p.begin()
	require.NoError(t, err)
	t.Cleanup(p.kill)
	select {
	case <-up:
	case <-p.exited:
		require.Fail(t, p.name+" ended before it was ready", p.said())
	case <-time.After(time.Minute):
		require.Fail(t, p.name+" did not get ready", p.said())
	}
}

// kill ends the process at once, if it runs.
func (p *process) kill() {
	p.mu.Lock()
	cmd, exited := p.cmd, p.exited
	p.mu.Unlock()
	if cmd == nil {
		return
	}
	select {
	case <-exited: // its number may be another's by now
	default:
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
	<-exited
}

// said is the end of the process's log.
func (p *process) said() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-4000):])
}

// server is a process that runs modules.
type server struct {
	*process
	url, ops string
}

// serve starts a binary's serve on addresses of its own.
func serve(t *testing.T, dir, name, binary string, args ...string) *server {
	t.Helper()
	api, ops := freeport.Address(t), freeport.Address(t)
	data := filepath.Join(dir, name)
	s := &server{url: "http://" + api, ops: "http://" + ops, process: &process{
		name: name, log: filepath.Join(dir, name+".log"),
		args: append([]string{binary, "serve", "--http=" + api, "--ops=" + ops, "--data=" + data, "--log-level=warn", "--free-disk=-1"}, args...),
		up:   func(line string) bool { return strings.Contains(line, "operations") },
	}}
	s.start(t)
	return s
}
