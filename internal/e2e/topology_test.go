package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/database/pgtest"
)

// topology is a way to run the mall, in some variants.
type topology struct {
	name     string
	variants []variant
}

type variant struct {
	name   string
	rounds int // how often each scenario is played
	start  func(t *testing.T) *system
}

// system is a running mall with all that it is made of.
type system struct {
	mall    *mall
	ops     []string                  // the ops listeners of all processes
	auditor string                    // the binary that audits it
	operate func(t *testing.T)        // what operators do when the scenarios are over; may be nil
	trouble func(progress <-chan int) // what goes on beside the scenarios; hears how many are over
}

var topologies = []topology{
	{"one", []variant{{"", 1, one}}},
	{"services", []variant{
		{"on SQLite", 1, func(t *testing.T) *system { return services(t, nil) }},
		{"on PostgreSQL", 1, func(t *testing.T) *system { return services(t, pgtest.DSN) }},
	}},
	{"cluster", []variant{{"", 3, cluster}}},
	{"mixed", []variant{
		{"old stores, ordering", 1, func(t *testing.T) *system { return halves(t, "stores", "ordering") }},
		{"old baskets, depot", 1, func(t *testing.T) *system { return halves(t, "baskets", "depot") }},
		{"old and new of each", 1, upgrade},
	}},
}

// elsewhere is a mall that somebody else has started.
const elsewhere = "elsewhere"

func topologyNames() []string {
	var all []string
	for _, t := range topologies {
		all = append(all, t.name)
	}
	return all
}

// running is the mall at -base, behind whatever proxy, and its ops listeners at -ops.
func running(t *testing.T) *system {
	require.NotEmpty(t, *baseFlag, "say where the mall is: -base=http://127.0.0.1:8080")
	require.NotEmpty(t, *opsFlag, "say where its operations listeners are: -ops=http://127.0.0.1:8081")
	s := &system{mall: &mall{api: map[string][]string{}}, ops: strings.Split(*opsFlag, ","), auditor: binary(t, "mallbots")}
	for _, module := range modules {
		s.mall.api[module] = []string{strings.TrimRight(*baseFlag, "/")}
	}
	return s
}

// one is a single process with all modules, its databases and its broker.
func one(t *testing.T) *system {
	s := serve(t, t.TempDir(), "mallbots", binary(t, "mallbots"))
	return systemOf(t, map[string][]*server{"stores": {s}, "baskets": {s}, "ordering": {s}, "depot": {s}})
}

// services is a process for each module, which links nothing else, with a
// database of its own, and one NATS server between them.
func services(t *testing.T, database func(t testing.TB) string) *system {
	dir := t.TempDir()
	_, nats := startNATS(t, dir, 1)
	processes := map[string][]*server{}
	for _, module := range modules {
		args := []string{"--nats-url=" + nats}
		if database != nil {
			args = append(args, "--database-url="+database(t))
		}
		processes[module] = []*server{serve(t, dir, module, binary(t, module), args...)}
	}
	s := systemOf(t, processes)
	s.operate = func(t *testing.T) {
		for _, module := range modules {
			operate(t, binary(t, module), module, processes[module][0].ops)
		}
	}
	return s
}

// operate uses the verbs of a service's own binary on it.
func operate(t *testing.T, binary, module, ops string) {
	t.Helper()
	for _, line := range [][2]string{
		{"healthcheck --ops=", "ready"},
		{"healthcheck --alive --ops=", "alive"},
		{"deadletters list --ops=", "There are no dead letters."},
		{"orders stuck --older-than=1h --ops=", "No order is stuck."},
		{"lost --ops=", "Nothing is lost."},
		{"projections rebuild --ops=", "is rebuilt"},
		{"actions --ops=", "rebuild " + module},
		{"audit --ops=", module + ": "},
	} {
		out, err := exec.CommandContext(t.Context(), binary, strings.Fields(line[0]+ops)...).CombinedOutput()
		require.NoError(t, err, "%s %s: %s", module, line[0], out)
		require.Contains(t, string(out), line[1], "%s %s", module, line[0])
	}
	out, err := exec.CommandContext(t.Context(), binary, "version").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), module+" ")
}

// systemOf is the mall of these processes.
func systemOf(t *testing.T, processes map[string][]*server) *system {
	s := &system{mall: &mall{api: map[string][]string{}}, auditor: binary(t, "mallbots")}
	seen := map[string]bool{}
	for _, module := range modules {
		for _, p := range processes[module] {
			s.mall.api[module] = append(s.mall.api[module], p.url)
			if !seen[p.ops] {
				s.ops = append(s.ops, p.ops)
			}
			seen[p.ops] = true
		}
	}
	return s
}

// built is the directory of the binaries, once there is one.
var built atomic.Pointer[string]

// directory is where the binaries are.
var directory = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "mallbots-e2e-bin-")
	built.Store(&dir)
	return dir, err
})

// builds are the binaries, each built when it is needed first.
var builds sync.Map // of name to func() error

// binary is a command of this checkout.
func binary(t *testing.T, name string) string {
	t.Helper()
	dir, err := directory()
	require.NoError(t, err)
	path := filepath.Join(dir, name)
	build, _ := builds.LoadOrStore(name, sync.OnceValue(func() error { return goBuild("../..", path, "./cmd/"+name) }))
	require.NoError(t, build.(func() error)())
	return path
}

func goBuild(root, out, pkg string) error {
	cmd := exec.Command("go", "build", "-o", out, pkg)
	cmd.Dir = root
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w: %s", pkg, err, text)
	}
	return nil
}
