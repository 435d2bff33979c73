package main

import (
	"context"
	"time"

	"mallbots/internal/bots"
	"mallbots/internal/client"
	"mallbots/proto/mallbots/baskets/v1/basketsv1connect"
	"mallbots/proto/mallbots/depot/v1/depotv1connect"
	"mallbots/proto/mallbots/ordering/v1/orderingv1connect"
	"mallbots/proto/mallbots/stores/v1/storesv1connect"
)

// mall is a running mall, seen through its public API.
type mall struct {
	*client.Client
	stores   storesv1connect.StoresServiceClient
	baskets  basketsv1connect.BasketsServiceClient
	ordering orderingv1connect.OrderingServiceClient
	depot    depotv1connect.DepotServiceClient
	bots     *bots.Depot
}

// dial returns the mall at a URL such as http://127.0.0.1:8080, with the
// credentials of the environment. It does not connect yet.
func dial(server string, patience time.Duration) (*mall, error) {
	c, err := client.Dial(server, patience)
	if err != nil {
		return nil, err
	}
	return mallAt(c), nil
}

// mallAt is the mall that a client calls.
func mallAt(c *client.Client) *mall {
	return &mall{
		Client:   c,
		stores:   storesv1connect.NewStoresServiceClient(c.RPC),
		baskets:  basketsv1connect.NewBasketsServiceClient(c.RPC),
		ordering: orderingv1connect.NewOrderingServiceClient(c.RPC),
		depot:    depotv1connect.NewDepotServiceClient(c.RPC),
		bots:     bots.In(c),
	}
}

// ask sends a request that changes nothing; see client.Ask.
func ask[Req, Res any](ctx context.Context, m *mall, do client.Method[Req, Res], req *Req, after ...string) (*Res, error) {
	return client.Ask(ctx, m.Client, do, req, after...)
}

// tell sends a request that changes something; see client.Tell.
func tell[Req, Res any](ctx context.Context, m *mall, do client.Method[Req, Res], req *Req, after ...string) (*Res, string, error) {
	return client.Tell(ctx, m.Client, do, req, after...)
}
