package broker

import (
	"os"
	"syscall"
)

// dieWithParent has a child killed when this process is.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

func limitMemory(bytes uint64) error {
	// Where memory runs out all the same, let it be this process that ends.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)
	return syscall.Setrlimit(syscall.RLIMIT_DATA, &syscall.Rlimit{Cur: bytes, Max: bytes})
}
