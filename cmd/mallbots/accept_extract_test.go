//go:build accept

package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/database/pgtest"
)

var (
	extracted = flag.String("module", "depot", "the module to extract and to move")
	allTests  = flag.Bool("full", false, "run every test of the extracted repository")
)

// TestAcceptExtract extracts a module into a repository of its own, builds and
// tests that, and moves the module into its process and back under a load of 200
// check-outs a minute: from SQLite to PostgreSQL where there is one.
func TestAcceptExtract(t *testing.T) {
	to := filepath.Join(t.TempDir(), *extracted)
	began := time.Now()
	out, errs, code := output(t, time.Minute, "extract", *extracted, "--to="+to)
	require.Zero(t, code, errs)
	t.Log(out)
	in := func(command ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
		cmd.Dir, cmd.Env = to, append(os.Environ(), "GOWORK=off")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%v: %s", command, out)
	}
	in("go", "build", "-o", "bin/", "./cmd/...")
	if *allTests {
		in("go", "build", "./...")
		in("go", "test", "./...")
	} else {
		in("go", "test", "./"+*extracted+"/...", "./internal/arch")
	}
	t.Logf("extracted, built and tested in %s", time.Since(began).Round(time.Second))
	t.Log(relocation{
		module: *extracted, binary: filepath.Join(to, "bin", *extracted), database: pgtest.DSN(t),
		shoppers: 20, think: 5900 * time.Millisecond, length: 30 * time.Second, out: 8 * time.Second, back: 18 * time.Second,
	}.play(t))
}
