//go:build sabotage

package simulation

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/sabotage"
)

// elsewhere are the switches that one process on SQLite cannot show, and the
// tests that show them.
var elsewhere = map[sabotage.Switch][2]string{
	sabotage.CursorRelay: {"../outbox", "^TestLateCommit$"},
	sabotage.TellTwice:   {"../inbox", "^TestAFactInTwoVersionsTakesEffectOnce$"},
	sabotage.NoVersion:   {"../eventsourcing", "^TestOfManyWritersOfOneVersionExactlyOneWins$"},
}

// TestSabotage switches off one protection after the other, and requires that
// each is missed.
func TestSabotage(t *testing.T) {
	caught := 0
	var table []string
	for _, s := range sabotage.All {
		how := ""
		if test, ok := elsewhere[s]; ok {
			how = catchElsewhere(t, s, test)
		} else {
			how = catch(t, s)
		}
		if how != "" {
			caught++
		}
		table = append(table, fmt.Sprintf("%-16s %s", s, cmp.Or(how, "NOT NOTICED")))
	}
	sabotage.Set("")
	slices.Sort(table)
	fmt.Printf("%s\n%d of %d caught\n", strings.Join(table, "\n"), caught, len(sabotage.All))
	require.Equal(t, len(sabotage.All), caught)
}

// catch runs seeds until one fails, and says how.
func catch(t *testing.T, s sabotage.Switch) string {
	sabotage.Set(s)
	defer sabotage.Set("")
	for seed := *firstSeed; seed < *firstSeed+*seeds; seed++ {
		if r := simulate(t, seed, Options{}); len(r.Violation) > 0 {
			return fmt.Sprintf("simulator, seed %d: %s", seed, brief(r.Violation[0], 12))
		}
	}
	return ""
}

// catchElsewhere runs a test of another package, which has to fail.
func catchElsewhere(t *testing.T, s sabotage.Switch, test [2]string) string {
	cmd := exec.CommandContext(t.Context(), "go", "test", "-tags", "sabotage", "-count=1", "-run", test[1], test[0])
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "without sabotage: %s", out)
	cmd = exec.CommandContext(t.Context(), "go", "test", "-tags", "sabotage", "-count=1", "-run", test[1], test[0])
	cmd.Env = append(os.Environ(), sabotage.Variable+"="+string(s))
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "--- FAIL") {
		return ""
	}
	return "test " + strings.Trim(test[1], "^$")
}
