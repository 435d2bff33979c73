package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/database/pgtest"
)

// halves is a process for each module, some of the previous release and the
// others of this one: events and positions cross between the releases both ways.
func halves(t *testing.T, old ...string) *system {
	dir := t.TempDir()
	_, nats := startNATS(t, dir, 1)
	processes := map[string][]*server{}
	for _, module := range modules {
		if slices.Contains(old, module) {
			processes[module] = []*server{servePrevious(t, dir, module, module, "--nats-url="+nats)}
		} else {
			processes[module] = []*server{serve(t, dir, module, binary(t, module), "--nats-url="+nats)}
		}
	}
	return systemOf(t, processes)
}

// upgrade is a release that has come halfway: of each module a process of the
// previous release has run, and one of this release has joined it, has migrated
// their database, and shares the work. Requests go to both in turn.
func upgrade(t *testing.T) *system {
	dir := t.TempDir()
	_, nats := startNATS(t, dir, 1)
	processes := map[string][]*server{}
	for _, module := range modules {
		args := []string{"--nats-url=" + nats, "--database-url=" + pgtest.DSN(t)}
		processes[module] = []*server{
			servePrevious(t, dir, module+"-old", module, args...),
			serve(t, dir, module+"-new", binary(t, module), args...),
		}
	}
	return systemOf(t, processes)
}

// servePrevious starts a module of the previous release.
func servePrevious(t *testing.T, dir, name, module string, args ...string) *server {
	return serve(t, dir, name, previous(t), append(args, "--modules="+module)...)
}

// previous is the mallbots of the previous release.
func previous(t *testing.T) string {
	t.Helper()
	dir, err := directory()
	require.NoError(t, err)
	require.NoError(t, buildPrevious(dir))
	return filepath.Join(dir, "previous")
}

// buildPrevious takes the latest release of docs/releases out of git's history,
// and builds it.
var buildPrevious = func() func(dir string) error {
	var once sync.Once
	var err error
	return func(dir string) error {
		once.Do(func() {
			var version, commit string
			if version, commit, err = latest(); err != nil {
				return
			}
			fmt.Println("the previous release is", version, commit)
			source := filepath.Join(dir, "source")
			if err = os.Mkdir(source, 0o700); err != nil {
				return
			}
			unpack := exec.Command("sh", "-c", `git archive "$1" | tar -x -C "$2"`, "sh", commit, source)
			unpack.Dir = "../.."
			if text, failed := unpack.CombinedOutput(); failed != nil || len(text) > 0 {
				err = fmt.Errorf("take %s, commit %s, out of the history (is it a full clone?): %w: %s", version, commit, failed, text)
				return
			}
			err = goBuild(source, filepath.Join(dir, "previous"), "./cmd/mallbots")
		})
		return err
	}
}()

// latest is the last line of docs/releases.
func latest() (version, commit string, err error) {
	text, err := os.ReadFile("../../docs/releases")
	if err != nil {
		return "", "", err
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	version, commit, ok := strings.Cut(lines[len(lines)-1], " ")
	if !ok || len(commit) != 40 {
		return "", "", fmt.Errorf("docs/releases ends with %q; want a version and a commit", lines[len(lines)-1])
	}
	return version, commit, nil
}
