package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/broker/brokertest"
	"mallbots/internal/commandline"
	"mallbots/internal/database/pgtest"
)

// build makes the binary once for all tests of this package.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "mallbots-e2e-")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "mallbots")
	out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w: %s", err, out)
	}
	return binary, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if binary, err := build(); err == nil {
		_ = os.RemoveAll(filepath.Dir(binary))
	}
	os.Exit(code)
}

// program is a command line of the real binary, in an environment without settings.
func program(t *testing.T, ctx context.Context, args ...string) *exec.Cmd {
	t.Helper()
	binary, err := build()
	require.NoError(t, err)
	cmd := exec.CommandContext(ctx, binary, args...)
	for _, setting := range os.Environ() {
		if !strings.HasPrefix(setting, "MALLBOTS_") {
			cmd.Env = append(cmd.Env, setting)
		}
	}
	return cmd
}

// output runs a command to its end, and returns what it printed and its exit code.
func output(t *testing.T, patience time.Duration, args ...string) (out, errs string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := program(t, ctx, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	require.NoError(t, ctx.Err(), "mallbots %s took more than %s: %s", args[0], patience, &stderr)
	if exit, ok := err.(*exec.ExitError); ok {
		return stdout.String(), stderr.String(), exit.ExitCode()
	}
	require.NoError(t, err)
	return stdout.String(), stderr.String(), 0
}

// onEach runs a test on the embedded default, and on PostgreSQL with a NATS server.
func onEach(t *testing.T, test func(t *testing.T, backend ...string)) {
	t.Run("embedded", func(t *testing.T) { test(t, "--data="+t.TempDir()) })
	t.Run("PostgreSQL and NATS", func(t *testing.T) {
		test(t, "--data="+t.TempDir(), "--database-url="+pgtest.DSN(t), "--nats-url="+brokertest.NewExternal(t).URL())
	})
}

// process is a running mallbots serve.
type process struct {
	cmd    *exec.Cmd
	url    string // of the API
	ops    string
	log    *lockedBuffer
	exited chan error
}

// start runs mallbots serve on free ports, and waits until it is ready.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	p := launch(t, append([]string{"--http=127.0.0.1:0", "--ops=127.0.0.1:0"}, args...)...)
	return p
}

func launch(t *testing.T, args ...string) *process {
	t.Helper()
	return await(t, program(t, context.WithoutCancel(t.Context()), append([]string{"serve", "--log-level=warn"}, args...)...))
}

// await starts a command that serves, and waits until it is ready.
func await(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: cmd, log: &lockedBuffer{}, exited: make(chan error, 1)}
	p.cmd.Stderr = p.log
	stdout, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() { p.kill(t) })

	announced := make(chan [2]string, 1)
	go func() {
		var urls [2]string
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			words := strings.Fields(lines.Text())
			switch {
			case len(words) > 1 && words[0] == "API":
				urls[0] = words[1]
			case len(words) > 1 && words[0] == "operations":
				urls[1] = words[1]
				announced <- urls
			}
		}
		p.exited <- p.cmd.Wait()
	}()
	select {
	case urls := <-announced:
		p.url, p.ops = urls[0], urls[1]
	case err := <-p.exited:
		p.exited <- err
		require.Fail(t, "the process ended before it was ready", "%v: %s", err, p.log)
	case <-time.After(time.Minute):
		require.Fail(t, "the process did not get ready", p.log.String())
	}
	return p
}

// kill ends the process at once, if it still runs.
func (p *process) kill(t *testing.T) {
	t.Helper()
	_ = p.cmd.Process.Kill() // it may have ended already
	p.wait(t, 30*time.Second)
}

// wait waits for the end of the process, and returns its error.
func (p *process) wait(t *testing.T, patience time.Duration) error {
	t.Helper()
	select {
	case err := <-p.exited:
		p.exited <- err
		return err
	case <-time.After(patience):
		require.Fail(t, "the process did not end", p.log.String())
		return nil
	}
}

// stop asks the process to end, and requires that it does so without an error within its time.
func (p *process) stop(t *testing.T) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, p.wait(t, 30*time.Second), p.log)
}

// audit requires that the books hold.
func (p *process) audit(t *testing.T) {
	t.Helper()
	out, errs, code := output(t, time.Minute, "audit", "--ops="+p.ops, "--wait=30s", "--json")
	var v commandline.Verdict
	require.NoError(t, json.Unmarshal([]byte(out), &v), out+errs)
	for _, line := range v.Checks {
		require.True(t, line.OK, "%s: %s", line.Name, line.Detail)
	}
	require.True(t, v.OK, out)
	require.Zero(t, v.Behind)
	require.Zero(t, v.DeadLetters)
	require.Zero(t, code)
	require.NotEmpty(t, v.Checks)
}

// getJSON decodes what a URL answers, whatever the status.
func getJSON(t *testing.T, url string, into any) (status int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, res.Body.Close()) }()
	require.NoError(t, json.NewDecoder(res.Body).Decode(into))
	return res.StatusCode
}

// lockedBuffer is a buffer that a process may still write to while it is read.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
