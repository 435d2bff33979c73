package mutants

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// top is the repository, from here.
const top = "../.."

// mutate returns the file of m with the defect in it.
func mutate(t *testing.T, m mutant) string {
	source, err := os.ReadFile(filepath.Join(top, m.file))
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(source), m.right), "%s: %s is not, or not just once, in %s", m.what, m.right, m.file)
	return strings.Replace(string(source), m.right, m.wrong, 1)
}

func TestEveryMutantFindsItsPlace(t *testing.T) {
	traps, err := os.ReadFile(filepath.Join(top, "docs/traps.md"))
	require.NoError(t, err)
	for _, m := range all {
		require.NotEqual(t, m.right, m.wrong)
		mutate(t, m)
		number := strings.TrimPrefix(m.trap, "2.")
		require.Contains(t, string(traps), "\n| "+number+" | ", "%s: docs/traps.md has no such trap", m.what)
	}
}
