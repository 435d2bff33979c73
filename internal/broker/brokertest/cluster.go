package brokertest

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"mallbots/internal/broker"
)

// Cluster is three servers that keep three copies of each stream.
type Cluster struct {
	t       testing.TB
	servers []*server.Server
}

// NewCluster starts a cluster and waits until it has a leader.
func NewCluster(t testing.TB) *Cluster {
	t.Helper()
	c := &Cluster{t: t}
	routes := ""
	for i := range 3 {
		options := server.Options{
			ServerName: fmt.Sprintf("n%d", i+1), Host: "127.0.0.1", Port: -1, StoreDir: t.TempDir(),
			JetStream: true, SyncAlways: true, NoSigs: true, NoLog: true,
			Cluster: server.ClusterOpts{Name: "mall", Host: "127.0.0.1", Port: -1},
			Routes:  server.RoutesFromStr(routes),
		}
		s, err := server.NewServer(&options)
		require.NoError(t, err)
		s.Start()
		require.True(t, s.ReadyForConnections(30*time.Second))
		c.servers = append(c.servers, s)
		routes = "nats://" + c.servers[0].ClusterAddr().String()
	}
	t.Cleanup(func() {
		for i := range c.servers {
			c.Stop(i)
		}
	})
	require.Eventually(t, func() bool {
		for _, s := range c.servers {
			if s.JetStreamIsLeader() && len(s.JetStreamClusterPeers()) == 3 {
				return true
			}
		}
		return false
	}, 30*time.Second, 10*time.Millisecond)
	return c
}

// Stop stops one of the servers, 0 to 2, for good.
func (c *Cluster) Stop(i int) {
	c.servers[i].Shutdown()
	c.servers[i].WaitForShutdown()
}

// JetStream is a connection of somebody who may do everything.
func (c *Cluster) JetStream() jetstream.JetStream {
	c.t.Helper()
	conn, err := nats.Connect(c.servers[len(c.servers)-1].ClientURL())
	require.NoError(c.t, err)
	c.t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	require.NoError(c.t, err)
	return js
}

// Connect returns a broker that uses the cluster.
func (c *Cluster) Connect() *broker.Broker {
	c.t.Helper()
	var urls []string
	for _, s := range c.servers {
		urls = append(urls, s.ClientURL())
	}
	b, err := broker.Connect(c.t.Context(), strings.Join(urls, ","), slog.New(slog.DiscardHandler))
	require.NoError(c.t, err)
	closeAtEnd(c.t, b)
	return b
}
