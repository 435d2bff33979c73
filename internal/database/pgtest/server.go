package pgtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrNone is what Start fails with where there is no PostgreSQL to start.
var ErrNone = errors.New("no PostgreSQL: install it (apt-get install postgresql), or set MALLBOTS_PG_BINDIR or MALLBOTS_TEST_DSN")

// Server is a private PostgreSQL server.
type Server struct {
	// DSN connects to the database postgres as a superuser.
	DSN string
	// Dir holds the data, the socket and the log.
	Dir   string
	alive io.WriteCloser // the server goes when this end of its pipe does
	said  *bufio.Reader  // what its keeper answers
	done  <-chan struct{}
}

// keeper runs the server, crashes and starts it as told, until its standard input ends, which happens as well
// when our process is killed, and then clears up.
const keeper = `
bin=$1 dir=$2 settings=$3
launch() {
	"$bin/postgres" -D "$dir/data" -k "$dir" -c listen_addresses= $settings </dev/null >>"$dir/log" 2>&1 &
	server=$!
}
launch
while read -r word; do
	case $word in
	crash) kill -QUIT $server; wait $server; echo down ;;
	start) launch ;;
	esac
done
kill -QUIT $server
wait $server
rm -rf "$dir"
`

// Start starts a private server. A durable one keeps what it has committed when
// the machine fails, as a server at work does: use it for benchmarks and tests
// of faults. The others are faster.
func Start(durable bool) (*Server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("/tmp", "mallbots-pg-") // a socket's path is short
	if err != nil {
		return nil, err
	}
	as, err := unprivileged(dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", filepath.Join(dir, "data"), "-U", "mallbots",
		"-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
	initdb.Dir, initdb.SysProcAttr = dir, as
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("initdb: %w: %s", err, out), os.RemoveAll(dir))
	}
	settings := "-c max_connections=400 -c shared_buffers=64MB"
	if !durable {
		settings += " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
	}
	keep := exec.Command("/bin/sh", "-c", keeper, "keeper", bin, dir, settings)
	keep.Dir, keep.SysProcAttr = dir, as
	alive, err := keep.StdinPipe()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	said, err := keep.StdoutPipe()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := keep.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	done := make(chan struct{})
	go func() {
		_ = keep.Wait()
		close(done)
	}()
	s := &Server{DSN: "host=" + dir + " user=mallbots dbname=postgres sslmode=disable", Dir: dir, alive: alive, said: bufio.NewReader(said), done: done}
	if err := s.ready(); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		s.Stop()
		return nil, fmt.Errorf("PostgreSQL from %s does not answer: %w: %s", bin, err, log)
	}
	return s, nil
}

// ready waits until the server answers.
func (s *Server) ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.DSN)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-s.done:
			return err
		case <-ctx.Done():
			return err
		}
	}
}

// Stop stops the server at once, as a crash does, and removes its data.
func (s *Server) Stop() {
	_ = s.alive.Close()
	<-s.done
}

// Crash stops the server at once, as a crash does, and keeps its data.
func (s *Server) Crash() error {
	if _, err := fmt.Fprintln(s.alive, "crash"); err != nil {
		return fmt.Errorf("crash PostgreSQL: %w", err)
	}
	if _, err := s.said.ReadString('\n'); err != nil {
		return fmt.Errorf("crash PostgreSQL: %w", err)
	}
	return nil
}

// Restart starts the server again after Crash, and waits until it answers.
func (s *Server) Restart() error {
	if _, err := fmt.Fprintln(s.alive, "start"); err != nil {
		return fmt.Errorf("start PostgreSQL again: %w", err)
	}
	return s.ready()
}

// binaries is the folder of initdb and postgres.
func binaries() (string, error) {
	if dir := os.Getenv("MALLBOTS_PG_BINDIR"); dir != "" {
		return dir, nil
	}
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb"); len(found) > 0 {
		version := func(path string) int {
			n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
			return n
		}
		return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })), nil
	}
	if initdb, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(initdb), nil
	}
	return "", ErrNone
}

// unprivileged gives dir to somebody who may run PostgreSQL, which root may not.
func unprivileged(dir string) (*syscall.SysProcAttr, error) {
	as := &syscall.SysProcAttr{Setpgid: true}
	if os.Geteuid() != 0 {
		return as, nil
	}
	who, err := user.Lookup("postgres")
	if err != nil {
		if who, err = user.Lookup("nobody"); err != nil {
			return nil, err
		}
	}
	uid, err := strconv.Atoi(who.Uid)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.Atoi(who.Gid)
	if err != nil {
		return nil, err
	}
	as.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return as, os.Chown(dir, uid, gid)
}
