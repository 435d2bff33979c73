package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"mallbots/internal/freeport"
)

// natsEnv is what this program sees when it is to be a nats-server: a node, as JSON.
const natsEnv = "MALLBOTS_E2E_NATS"

// node is a nats-server.
type node struct {
	Name, Dir, Client string
	Cluster           string   // address for the other nodes; empty: it is alone
	Routes            []string // addresses of all nodes
}

// serveNATS is a nats-server as a process; it returns only by its end.
func serveNATS(text string) {
	var n node
	err := json.Unmarshal([]byte(text), &n)
	options := &natsserver.Options{ServerName: n.Name, StoreDir: n.Dir, JetStream: true, SyncAlways: true, NoLog: true}
	options.Host, options.Port = hostPort(n.Client)
	if n.Cluster != "" {
		options.Cluster.Name = "mall"
		options.Cluster.Host, options.Cluster.Port = hostPort(n.Cluster)
		options.Routes = natsserver.RoutesFromStr("nats://" + strings.Join(n.Routes, ",nats://"))
	}
	if err == nil {
		var s *natsserver.Server
		if s, err = natsserver.NewServer(options); err == nil {
			s.Start()
			if s.ReadyForConnections(20 * time.Second) {
				fmt.Println("up")
				s.WaitForShutdown()
			}
		}
	}
	fmt.Fprintln(os.Stderr, "nats-server:", err)
	os.Exit(1)
}

func hostPort(address string) (string, int) {
	host, port, _ := net.SplitHostPort(address) // both made by freeport
	number, _ := strconv.Atoi(port)
	return host, number
}

// startNATS starts so many nodes, one cluster when they are several, and returns
// their processes and their URL.
func startNATS(t *testing.T, dir string, count int) (nodes []*process, url string) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	var routes, clients []string
	for range count {
		routes = append(routes, freeport.Address(t))
		clients = append(clients, freeport.Address(t))
	}
	for i := range count {
		n := node{Name: fmt.Sprintf("n%d", i+1), Dir: filepath.Join(dir, fmt.Sprintf("nats-%d", i+1)), Client: clients[i]}
		if count > 1 {
			n.Cluster, n.Routes = routes[i], routes
		}
		text, err := json.Marshal(n)
		require.NoError(t, err)
		p := &process{
			name: "nats-server " + n.Name, log: n.Dir + ".log", args: []string{self}, env: []string{natsEnv + "=" + string(text)},
			up: func(line string) bool { return line == "up" },
		}
		p.start(t)
		nodes = append(nodes, p)
	}
	url = "nats://" + strings.Join(clients, ",nats://")
	requireNATS(t, url)
	return nodes, url
}

// requireNATS waits until the server or cluster can keep streams.
func requireNATS(t *testing.T, url string) {
	t.Helper()
	js := connectNATS(t, url)
	require.Eventually(t, func() bool {
		_, err := js.AccountInfo(t.Context())
		return err == nil
	}, 30*time.Second, 20*time.Millisecond, "nats-server")
}

func connectNATS(t *testing.T, url string) jetstream.JetStream {
	t.Helper()
	conn, err := nats.Connect(url, nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1))
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	return js
}

// requireCopies requires that every module's stream has so many copies.
func requireCopies(t *testing.T, url string, copies int) {
	t.Helper()
	js := connectNATS(t, url)
	for _, module := range modules {
		stream, err := js.Stream(t.Context(), "MALLBOTS_"+strings.ToUpper(module))
		require.NoError(t, err, module)
		require.Equal(t, copies, stream.CachedInfo().Config.Replicas, module)
	}
}
