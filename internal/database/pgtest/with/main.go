// Command with starts one private PostgreSQL server, runs a command that finds
// it in MALLBOTS_TEST_DSN, and stops it:
//
//	go run ./internal/database/pgtest/with -- go test ./...
//
// With --durable the server keeps what it commits, as one at work does. When
// MALLBOTS_TEST_DSN is set already, or there is no PostgreSQL, the command is
// run as it is; the tests then say NOT RUN.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"mallbots/internal/database/pgtest"
)

func main() {
	durable := flag.Bool("durable", false, "fsync, as at work")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: with [--durable] -- COMMAND...")
		os.Exit(2)
	}
	os.Exit(run(*durable, flag.Args()))
}

func run(durable bool, args []string) int {
	command := exec.Command(args[0], args[1:]...)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	command.Env = os.Environ()
	if os.Getenv("MALLBOTS_TEST_DSN") == "" {
		server, err := pgtest.Start(durable)
		switch {
		case err == nil:
			defer server.Stop()
			command.Env = append(command.Env, "MALLBOTS_TEST_DSN="+server.DSN)
		case os.Getenv("CI") == "true" || !errors.Is(err, pgtest.ErrNone):
			fmt.Fprintln(os.Stderr, "with:", err)
			return 1
		default:
			fmt.Fprintln(os.Stderr, "NOT RUN on PostgreSQL:", err)
		}
	}
	// The command is told by the terminal as well; we stay to clear up.
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if err := command.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "with:", err)
		return 1
	}
	go func() {
		for s := range signals {
			_ = command.Process.Signal(s)
		}
	}()
	err := command.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() > 0 {
		return exit.ExitCode()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "with:", err)
		return 1
	}
	return 0
}
