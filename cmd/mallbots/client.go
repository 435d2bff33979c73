package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"connectrpc.com/connect/v2/connectproto"
	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/rpc/errdetails"

	"mallbots/proto/mallbots/baskets/v1/basketsv1connect"
	"mallbots/proto/mallbots/depot/v1/depotv1connect"
	"mallbots/proto/mallbots/ordering/v1/orderingv1connect"
	"mallbots/proto/mallbots/stores/v1/storesv1connect"
)

// mall is a running mall, seen through its public API.
type mall struct {
	stores   storesv1connect.StoresServiceClient
	baskets  basketsv1connect.BasketsServiceClient
	ordering orderingv1connect.OrderingServiceClient
	depot    depotv1connect.DepotServiceClient

	patience time.Duration // how long a request is repeated while the mall does not answer
	trouble  func(error)   // hears of each attempt that is repeated; may be nil
}

// attemptTime bounds one attempt of a request.
const attemptTime = 15 * time.Second

// dial returns the mall at a URL such as http://127.0.0.1:8080, with the
// credentials of the environment. It does not connect yet.
func dial(server string, patience time.Duration) (*mall, error) {
	who, err := fromEnvironment()
	if err != nil {
		return nil, err
	}
	return dialAs(who, server, patience)
}

// dialAs is dial with credentials.
func dialAs(who credentials, server string, patience time.Duration) (*mall, error) {
	base, err := baseURL(server)
	if err != nil {
		return nil, err
	}
	client := connect.NewClient(connecthttp.NewTransport(who.client(), base))
	return &mall{
		stores:   storesv1connect.NewStoresServiceClient(client),
		baskets:  basketsv1connect.NewBasketsServiceClient(client),
		ordering: orderingv1connect.NewOrderingServiceClient(client),
		depot:    depotv1connect.NewDepotServiceClient(client),
		patience: patience,
	}, nil
}

// baseURL completes host:port to a URL, and refuses what is neither.
func baseURL(text string) (string, error) {
	full := text
	if !strings.Contains(full, "://") {
		full = "http://" + full
	}
	u, err := url.Parse(full)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return "", fmt.Errorf("%q is not a server's URL; want one such as http://127.0.0.1:8080", text)
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// method is one RPC of a generated client.
type method[Req, Res any] func(context.Context, *Req) (*Res, error)

// ask sends a request that changes nothing, until it is answered. It is
// answered once the module has applied what the positions in after name.
func ask[Req, Res any](ctx context.Context, m *mall, do method[Req, Res], req *Req, after ...string) (*Res, error) {
	res, _, err := repeat(ctx, m, do, req, "", after)
	return res, err
}

// tell sends a request that changes something, until it is answered: once,
// however often it must be repeated. It returns the position of what it published.
func tell[Req, Res any](ctx context.Context, m *mall, do method[Req, Res], req *Req, after ...string) (*Res, string, error) {
	return repeat(ctx, m, do, req, uuid.NewString(), after)
}

func repeat[Req, Res any](ctx context.Context, m *mall, do method[Req, Res], req *Req, key string, after []string) (*Res, string, error) {
	deadline := time.Now().Add(m.patience)
	for attempt := 0; ; attempt++ {
		res, position, err := once(ctx, do, req, key, after)
		if err == nil || !unsettled(ctx, err) || time.Now().After(deadline) {
			return res, position, err
		}
		if m.trouble != nil {
			m.trouble(err)
		}
		if err := pause(ctx, attempt); err != nil {
			return nil, "", err
		}
	}
}

// once sends a request one time. Key makes it safe to repeat a change.
func once[Req, Res any](ctx context.Context, do method[Req, Res], req *Req, key string, after []string) (*Res, string, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	ctx, info := connect.NewClientContext(ctx)
	if key != "" {
		info.RequestHeader().Set("Idempotency-Key", key)
	}
	for _, position := range after {
		if position != "" {
			info.RequestHeader().Add("Mallbots-After", position)
		}
	}
	res, err := do(ctx, req)
	if err != nil {
		return nil, "", err
	}
	return res, info.ResponseHeader().Get("Mallbots-Position"), nil
}

// unsettled reports whether a request that failed with err may be sent again:
// nobody answered, or the answer was to come back later.
func unsettled(ctx context.Context, err error) bool {
	var refused *connect.Error
	if ctx.Err() != nil {
		return false
	}
	if !errors.As(err, &refused) || !refused.IsRemote() {
		return true
	}
	switch refused.Code() {
	case connect.CodeUnavailable, connect.CodeDeadlineExceeded, connect.CodeResourceExhausted:
		return true
	default:
		return reason(err) == "IDEMPOTENCY_IN_FLIGHT" || reason(err) == "CONCURRENT_CHANGE"
	}
}

// reason is the stable code of a refusal, such as PRICE_CHANGED. Without one it
// is the RPC code, and "unreachable" when nobody answered.
func reason(err error) string {
	var refused *connect.Error
	if !errors.As(err, &refused) || !refused.IsRemote() {
		return "unreachable"
	}
	for _, detail := range refused.Details() {
		message, err := connectproto.UnmarshalErrorDetail(detail)
		if info, ok := message.(*errdetails.ErrorInfo); err == nil && ok {
			return info.GetReason()
		}
	}
	return refused.Code().String()
}

// pause waits before attempt is repeated: longer each time, never in step with others.
func pause(ctx context.Context, attempt int) error {
	longest := min(10*time.Millisecond<<min(attempt, 6), 500*time.Millisecond)
	return sleep(ctx, longest/2+rand.N(longest/2))
}

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
