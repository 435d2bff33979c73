//go:build failpoint

package failpoint

import (
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
)

// ahead is how far the machine's clock is.
var ahead atomic.Int64

// A process that is told by how much its clock jumps has it jump, and be right
// again, at every SIGUSR1.
func init() {
	asked := os.Getenv("MALLBOTS_FAILPOINT_JUMP")
	if asked == "" {
		return
	}
	jump, err := time.ParseDuration(asked)
	if err != nil {
		fmt.Fprintln(os.Stderr, "failpoint: want MALLBOTS_FAILPOINT_JUMP=1h")
		os.Exit(2)
	}
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGUSR1)
	go func() {
		for range told {
			if !ahead.CompareAndSwap(0, int64(jump)) {
				ahead.Store(0)
			}
		}
	}()
}

// Now is the machine's clock, or a wrong one.
func Now() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
