//go:build failpoint

package failpoint

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// where is the point to die at, when is how often it is passed by then.
var (
	where string
	when  int64
	count atomic.Int64
)

func init() {
	name, times, _ := strings.Cut(os.Getenv("MALLBOTS_FAILPOINT"), ":")
	n, err := strconv.ParseInt(times, 10, 64)
	if name != "" && err != nil {
		fmt.Fprintln(os.Stderr, "failpoint: want MALLBOTS_FAILPOINT=name:times")
		os.Exit(2)
	}
	where, when = name, n
}

// Here is where the process may die.
func Here(name string) {
	if name == where && count.Add(1) == when {
		die()
	}
}

// Soon is where the process may die within a moment, while the caller goes on.
func Soon(name string) {
	if name == where && count.Add(1) == when {
		go func() {
			time.Sleep(rand.N(time.Millisecond))
			die()
		}()
	}
}

func die() {
	fmt.Fprintf(os.Stderr, "failpoint %s: the %d. time\n", where, when)
	_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
	select {} // the signal is on its way
}
