package database

import (
	"context"
	"strings"
	"syscall"
)

// userTimeout is TCP_USER_TIMEOUT of tcp(7), which package syscall does not name.
const userTimeout = 18

// giveUp has the kernel end a connection whose server acknowledges nothing for
// lostAfter. Keepalives do not see that: they wait until all is acknowledged.
func giveUp(_ context.Context, network, _ string, conn syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	var refused error
	err := conn.Control(func(fd uintptr) {
		refused = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, userTimeout, int(lostAfter.Milliseconds()))
	})
	if err == nil {
		err = refused
	}
	return err
}
