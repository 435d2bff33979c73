//go:build chaos

package chaos

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a child, in a group of its own, which dies when this process does.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{}
	err    error
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

// spawn starts a command line. Its output goes to log, its first lines to see.
func spawn(log *os.File, env []string, see func(line string), binary string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(binary, args...), exited: make(chan struct{})}
	for _, setting := range os.Environ() {
		if !strings.HasPrefix(setting, "MALLBOTS_") {
			p.cmd.Env = append(p.cmd.Env, setting)
		}
	}
	p.cmd.Env = append(p.cmd.Env, env...)
	p.cmd.Stderr = log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	failed := make(chan error)
	starts() <- func() { failed <- p.cmd.Start() }
	if err := <-failed; err != nil {
		return nil, fmt.Errorf("start %s: %w", binary, err)
	}
	go func() {
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			see(lines.Text())
		}
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

// signal sends a signal, to the process only.
func (p *process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

// runs says whether it has not ended.
func (p *process) runs() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// kill ends it and all it started, at once.
func (p *process) kill() {
	if p.runs() {
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	}
	<-p.exited
}

// wait waits for its end, and says whether that came.
func (p *process) wait(patience time.Duration) bool {
	select {
	case <-p.exited:
		return true
	case <-time.After(patience):
		return false
	}
}

// killed says whether it ended by SIGKILL.
func (p *process) killed() bool {
	if p.runs() {
		return false
	}
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}
