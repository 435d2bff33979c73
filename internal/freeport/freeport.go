// Package freeport finds addresses for the servers of tests.
package freeport

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

// The system gives ports from 32768 on to connections, and to whoever asks for
// any port.
const first, beyond = 20_000, 32_000

// taken are the ports that Port has given away.
var taken sync.Map

// Port is a port of the loopback interface that nobody listens on at the moment,
// below those that the system gives away: a server that is stopped or killed
// finds it free when it comes back.
func Port(t testing.TB) int {
	t.Helper()
	for range 1000 {
		port := first + rand.IntN(beyond-first)
		if _, known := taken.LoadOrStore(port, true); known {
			continue
		}
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil && l.Close() == nil {
			return port
		}
	}
	t.Fatalf("no port from %d to %d is free", first, beyond)
	return 0
}

// Address is a loopback address with such a port.
func Address(t testing.TB) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", Port(t))
}
