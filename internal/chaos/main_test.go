//go:build chaos

package chaos

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

var (
	runsFlag     = flag.Int("runs", 1, "runs of each cell")
	cellsFlag    = flag.String("cells", "", "regular expression: the cells to run")
	backendsFlag = flag.String("backends", "", "regular expression: the backends to run them on")
	seedFlag     = flag.Uint64("seed", 0, "seed of what is left to chance; 0 is another one each time")
	outageFlag   = flag.Duration("outage", 10*time.Second, "how long a broker or a transaction of another is in the way")
	pauseFlag    = flag.Duration("pause", 12*time.Second, "how long a leader is paused")
	shoppingFlag = flag.Duration("shopping", 2*time.Second, "how long people shop in a run, besides the time that the fault takes")
	killsFlag    = flag.Int("kills", 0, "how often TestKills kills the whole process, on each backend")
	budgetFlag   = flag.Duration("budget", 0, "no run begins later than this; 0 is no limit")
	atOnceFlag   = flag.Int("at-once", 1, "how many cells run at the same time; of more than one, as many that mostly wait run beside them")
	restartsFlag = flag.Int("restarts", 5, "kills in one run of the cell that kills again and again")
)

// The binaries under test: as it is shipped, and with failpoints and witnesses.
var shipped, watched string

var began = time.Now()

func TestMain(m *testing.M) {
	if dir := os.Getenv(natsDir); dir != "" {
		serveNATS(dir, os.Getenv(natsPort))
	}
	flag.Parse()
	if *seedFlag == 0 {
		*seedFlag = rand.Uint64()
	}
	fmt.Printf("seed %d\n", *seedFlag)
	dir, err := os.MkdirTemp("", "mallbots-chaos-bin-")
	if err == nil {
		shipped, watched = filepath.Join(dir, "mallbots"), filepath.Join(dir, "mallbots-watched")
		err = build(shipped)
	}
	if err == nil {
		err = build(watched, "-tags", "failpoint")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func build(binary string, flags ...string) error {
	cmd := exec.Command("go", append(append([]string{"build", "-o", binary}, flags...), "../../cmd/mallbots")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w: %s", err, out)
	}
	return nil
}

// spent says whether the time for beginning runs is over.
func spent() bool { return *budgetFlag > 0 && time.Since(began) > *budgetFlag }
