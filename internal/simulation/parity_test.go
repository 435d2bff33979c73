package simulation

import (
	"context"
	"flag"
	"net/http"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"mallbots/internal/broker/brokertest"
	"mallbots/internal/database/pgtest"
	"mallbots/internal/host"
	"mallbots/internal/host/hosttest"
	"mallbots/internal/secret"
	"mallbots/proto/mallbots/baskets/v1/basketsv1connect"
	"mallbots/proto/mallbots/depot/v1/depotv1connect"
	"mallbots/proto/mallbots/ordering/v1/orderingv1connect"
	"mallbots/proto/mallbots/stores/v1/storesv1connect"
)

var histories = flag.Uint64("histories", 1, "how many histories to play on the real databases and brokers")

// requests is how long a history is.
const requests = 150

// real is a mall of real databases, a real broker and a real port.
type real struct {
	t    *testing.T
	mall *hosttest.Mall
}

func (r *real) clients() *clients {
	c := connect.NewClient(connecthttp.NewTransport(http.DefaultClient, r.mall.URL))
	return &clients{
		stores: storesv1connect.NewStoresServiceClient(c), baskets: basketsv1connect.NewBasketsServiceClient(c),
		ordering: orderingv1connect.NewOrderingServiceClient(c), depot: depotv1connect.NewDepotServiceClient(c),
	}
}

func (r *real) request(_, key string, send func(context.Context, *clients) (proto.Message, error)) (proto.Message, outcome) {
	var res proto.Message
	var o outcome
	require.Eventually(r.t, func() bool {
		ctx, info := connect.NewClientContext(r.t.Context())
		info.RequestHeader().Set("Idempotency-Key", key)
		var err error
		res, err = send(ctx, r.clients())
		o = judge(err)
		return !o.unknown
	}, hosttest.Patience, 10*time.Millisecond)
	return res, o
}

func (r *real) settle() { r.mall.Settle(r.t) }

func (r *real) restart() { r.mall.Restart(r.t) }

// TestParity plays histories in the simulator, without faults and with some, and
// on the real thing. What comes of them must be the same everywhere.
func TestParity(t *testing.T) {
	for seed := uint64(1); seed <= *histories; seed++ {
		want := play(t, seed, []*Fault{})
		require.Greater(t, strings.Count(strings.Join(want, "\n"), ": ok"), requests/3, "the history is of some use")
		plan := Plan(seed)
		require.Equal(t, want, play(t, seed, plan), "history %d with faults", seed)
		t.Run("sqlite", func(t *testing.T) {
			compare(t, seed, want, host.Config{Data: t.TempDir()})
		})
		t.Run("postgres", func(t *testing.T) {
			compare(t, seed, want, host.Config{Data: t.TempDir(), DatabaseURL: secret.Text(pgtest.DSN(t)), NATSURL: secret.Text(brokertest.NewExternal(t).URL())})
		})
	}
}

// play plays a history in the simulator.
func play(t *testing.T, seed uint64, faults []*Fault) []string {
	r := simulate(t, seed, Options{Faults: faults, Play: requests})
	require.Empty(t, r.Violation)
	return r.Lines
}

// compare plays a history on the real thing.
func compare(t *testing.T, seed uint64, want []string, config host.Config) {
	config.Log = hosttest.Log(t)
	mall := hosttest.StartWith(t, config, Modules()...)
	require.Equal(t, want, newHistory(seed, &real{t, mall}).play(requests))
	mall.Audit(t)
}
