package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

var (
	topologyFlag = flag.String("topology", "one", "the topologies to run: "+strings.Join(topologyNames(), ", ")+", several with commas, all of these, or "+elsewhere)
	baseFlag     = flag.String("base", "", "base URL of the mall that runs elsewhere")
	opsFlag      = flag.String("ops", "", "URLs of all its operations listeners, with commas")
	seedFlag     = flag.Uint64("seed", 0, "seed of what is left to chance, such as who is killed; 0 is another one each time")
	factsFlag    = flag.Bool("facts", false, "print the facts that each scenario wrote down")
)

func TestMain(m *testing.M) {
	if text := os.Getenv(natsEnv); text != "" {
		serveNATS(text)
	}
	flag.Parse()
	if *seedFlag == 0 {
		*seedFlag = rand.Uint64()
	}
	code := m.Run()
	if dir := built.Load(); dir != nil {
		_ = os.RemoveAll(*dir)
	}
	os.Exit(code)
}

// column is what came of the suite in one topology: the facts of each scenario.
type column struct {
	name  string
	mu    sync.Mutex
	facts map[string][]string
	took  map[string]time.Duration // the longest round
	over  int                      // how many scenarios are
	audit string
	whole time.Duration
}

// hash is the hash of all facts.
func (c *column) hash() string {
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(c.facts)) {
		fmt.Fprintf(sum, "%s\n%s\n\n", name, strings.Join(c.facts[name], "\n"))
	}
	return hex.EncodeToString(sum.Sum(nil))[:16]
}

// TestTopologies plays every scenario in each of the topologies that were asked
// for, and requires that the same came of it in all.
func TestTopologies(t *testing.T) {
	chosen := strings.Split(*topologyFlag, ",")
	if *topologyFlag == "all" {
		chosen = topologyNames()
	}
	candidates := topologies
	if *topologyFlag == elsewhere {
		candidates = []topology{{elsewhere, []variant{{"", 1, running}}}}
	}
	for _, name := range chosen {
		require.True(t, slices.ContainsFunc(candidates, func(c topology) bool { return c.name == name }), "there is no topology %q", name)
	}
	fmt.Println("seed", *seedFlag)
	var columns []*column
	for _, topology := range candidates {
		if !slices.Contains(chosen, topology.name) {
			continue
		}
		for _, variant := range topology.variants {
			name := strings.TrimSuffix(topology.name+" "+variant.name, " ")
			t.Run(name, func(t *testing.T) {
				c := &column{name: name, facts: map[string][]string{}, took: map[string]time.Duration{}}
				columns = append(columns, c)
				began := time.Now()
				s := variant.start(t)
				c.play(t, s, variant.rounds)
				if s.operate != nil {
					s.operate(t)
				}
				c.audit = s.audit(t)
				c.whole = time.Since(began)
			})
		}
	}
	fmt.Print("\n", table(columns), "\n")
	for _, c := range columns[1:] {
		for _, name := range slices.Sorted(maps.Keys(c.facts)) {
			require.Equal(t, columns[0].facts[name], c.facts[name], "%s, in %s and in %s", name, columns[0].name, c.name)
		}
		require.Equal(t, columns[0].hash(), c.hash(), "%s and %s", columns[0].name, c.name)
	}
}

// play plays all scenarios, some at the same time, and the topology's own trouble beside them.
func (c *column) play(t *testing.T, s *system, rounds int) {
	progress := make(chan int, rounds*len(scenarios()))
	var trouble sync.WaitGroup
	if s.trouble != nil {
		trouble.Go(func() { s.trouble(progress) })
	}
	t.Run("scenarios", func(t *testing.T) {
		for round := range rounds {
			for _, sc := range scenarios() {
				t.Run(fmt.Sprintf("%s, round %d", sc.name, round+1), func(t *testing.T) {
					t.Parallel()
					c.perform(t, s.mall, sc, progress)
				})
			}
		}
	})
	close(progress)
	trouble.Wait()
	require.Len(t, c.facts, len(scenarios()))
}

// perform plays one scenario once. It comes to the same in every round.
func (c *column) perform(t *testing.T, m *mall, sc scenario, progress chan<- int) {
	one := &story{T: t, mall: m, run: uuid.NewString(), ids: map[string]string{}}
	began := time.Now()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		before, played := c.facts[sc.name]
		if t.Failed() || (played && !slices.Equal(before, one.facts)) {
			t.Errorf("it did not come to the same as before")
			one.facts = append(one.facts, "FAILED")
		}
		c.facts[sc.name], c.took[sc.name] = one.facts, max(c.took[sc.name], time.Since(began))
		c.over++
		progress <- c.over
	}()
	sc.play(one)
	require.NotEmpty(t, one.facts, "a scenario that notices nothing")
	if *factsFlag {
		fmt.Printf("\n%s: %s\n  %s\n", c.name, sc.name, strings.Join(one.facts, "\n  "))
	}
}

// scenarios are all that there are.
func scenarios() []scenario { return slices.Concat(orderScenarios, shoppingScenarios) }

// audit requires that the books of the whole system hold, and returns the verdict in a sentence.
func (s *system) audit(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, s.auditor, "audit", "--ops="+strings.Join(s.ops, ","), "--wait=60s", "--json").Output()
	var v struct {
		OK     bool
		Checks []struct {
			Name, Detail string
			OK           bool
		}
	}
	require.NoError(t, json.Unmarshal(out, &v), "%v: %s", err, out)
	for _, check := range v.Checks {
		require.True(t, check.OK, "%s: %s", check.Name, check.Detail)
	}
	require.True(t, v.OK)
	require.NotContains(t, string(out), "not compared")
	require.NotEmpty(t, v.Checks)
	return fmt.Sprintf("%d checks hold", len(v.Checks))
}

// table is scenario by topology.
func table(columns []*column) string {
	var all [][]string
	row := func(name string, cell func(c *column) string) {
		line := []string{name}
		for _, c := range columns {
			line = append(line, cell(c))
		}
		all = append(all, line)
	}
	row("", func(c *column) string { return c.name })
	for _, s := range scenarios() {
		row(s.name, func(c *column) string {
			facts, ok := c.facts[s.name]
			if !ok || slices.Contains(facts, "FAILED") {
				return "FAILED"
			}
			return fmt.Sprintf("%d facts, %.1f s", len(facts), c.took[s.name].Seconds())
		})
	}
	row("audit", func(c *column) string { return c.audit })
	row("hash of all facts", func(c *column) string { return c.hash() })
	row("with start and build", func(c *column) string { return fmt.Sprintf("%.0f s", c.whole.Seconds()) })
	widths := make([]int, len(columns)+1)
	for _, line := range all {
		for n, cell := range line {
			widths[n] = max(widths[n], len(cell))
		}
	}
	var text strings.Builder
	for _, line := range all {
		for n, cell := range line {
			fmt.Fprintf(&text, "%-*s  ", widths[n], cell)
		}
		text.WriteString("\n")
	}
	return text.String()
}
