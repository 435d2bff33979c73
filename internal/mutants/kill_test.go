//go:build sabotage

package mutants

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEveryMutantIsKilled puts in one defect after the other. A package that
// does not compile any more, or a test that is not there, is no kill.
func TestEveryMutantIsKilled(t *testing.T) {
	killed := 0
	for _, m := range all {
		verdict := "SURVIVED"
		if by := kill(t, m); by != "" {
			killed++
			verdict = by
		}
		fmt.Printf("%-5s %-46s %s\n", m.trap, m.what, verdict)
	}
	fmt.Printf("%d of %d killed\n", killed, len(all))
	require.Equal(t, len(all), killed)
}

// kill returns the tests of m's package that fail with the defect.
func kill(t *testing.T, m mutant) string {
	dir := t.TempDir()
	mutated, overlay := filepath.Join(dir, "mutant.go"), filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(mutated, []byte(mutate(t, m)), 0o600))
	original, err := filepath.Abs(filepath.Join(top, m.file))
	require.NoError(t, err)
	content, err := json.Marshal(map[string]any{"Replace": map[string]string{original: mutated}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(overlay, content, 0o600))
	cmd := exec.CommandContext(t.Context(), "go", "test", "-overlay", overlay, "-count=1", "-vet=off", "-failfast", "-timeout=2m", "-run", m.run, "./"+m.tests)
	cmd.Dir = top
	cmd.Env = append(os.Environ(), "RAPID_NOFAILFILE=true") // nothing is to be left in the tree
	out, err := cmd.CombinedOutput()
	if err == nil {
		require.NotContains(t, string(out), "no tests to run", m.what)
		return ""
	}
	require.NotContains(t, string(out), "[build failed]", m.what)
	require.NotContains(t, string(out), "[setup failed]", m.what)
	var failed []string
	for line := range strings.Lines(string(out)) {
		if name, ok := strings.CutPrefix(line, "--- FAIL: "); ok {
			failed = append(failed, strings.Fields(name)[0])
		}
	}
	if len(failed) == 0 && strings.Contains(string(out), "panic:") {
		failed = []string{"the process ended in a panic"}
	}
	require.NotEmpty(t, failed, "%s: %s", m.what, out)
	slices.Sort(failed)
	return strings.Join(failed, ", ")
}
