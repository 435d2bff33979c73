//go:build chaos

package chaos

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"mallbots/internal/freeport"
)

// What this program sees from its environment when it is to be a nats-server.
const (
	natsDir  = "MALLBOTS_CHAOS_NATS_DIR"
	natsPort = "MALLBOTS_CHAOS_NATS_PORT"
)

// serveNATS is a nats-server as a process; it returns only by its end.
func serveNATS(dir, port string) {
	number, err := strconv.Atoi(port)
	if err == nil {
		var s *server.Server
		s, err = server.NewServer(&server.Options{
			ServerName: "chaos", Host: "127.0.0.1", Port: number, StoreDir: dir, JetStream: true, SyncAlways: true, NoLog: true,
		})
		if err == nil {
			s.Start()
			s.WaitForShutdown()
		}
	}
	fmt.Fprintln(os.Stderr, "nats-server:", err)
	os.Exit(1)
}

// natsServer is an external broker.
type natsServer struct {
	t    *testing.T
	dir  string
	port int
	log  *os.File
	proc *process
}

func newNATS(t *testing.T, dir string, log *os.File) *natsServer {
	t.Helper()
	n := &natsServer{t: t, dir: dir, port: freeport.Port(t), log: log}
	n.start()
	t.Cleanup(func() { n.proc.kill() })
	return n
}

func (n *natsServer) url() string { return fmt.Sprintf("nats://127.0.0.1:%d", n.port) }

// start starts it, and waits until it answers.
func (n *natsServer) start() {
	n.t.Helper()
	self, err := os.Executable()
	require.NoError(n.t, err)
	n.proc, err = spawn(n.log, []string{natsDir + "=" + n.dir, fmt.Sprintf("%s=%d", natsPort, n.port)}, func(string) {}, self)
	require.NoError(n.t, err)
	require.Eventually(n.t, func() bool {
		conn, err := nats.Connect(n.url(), nats.Timeout(time.Second))
		if err == nil {
			conn.Close()
		}
		return err == nil
	}, 30*time.Second, 10*time.Millisecond, "nats-server")
}

// js connects as somebody who may do everything.
func (n *natsServer) js() (*nats.Conn, jetstream.JetStream) {
	n.t.Helper()
	conn, err := nats.Connect(n.url())
	require.NoError(n.t, err)
	js, err := jetstream.New(conn)
	require.NoError(n.t, err)
	return conn, js
}
