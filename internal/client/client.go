// Package client sends requests to the public API of a running mall, as anybody
// else would: it repeats what nobody answered, under one key, so that a change
// has one effect however often it is sent, and it waits for what it has seen
// published elsewhere.
//
//	mall, err := client.Dial("http://127.0.0.1:8080", time.Minute)
//	stores := storesv1connect.NewStoresServiceClient(mall.RPC)
//	res, position, err := client.Tell(ctx, mall, stores.CreateStore, req)
//	page, err := client.Ask(ctx, mall, stores.GetStores, req, position)
package client

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
)

// Client is a way to a running mall.
type Client struct {
	RPC      *connect.Client // what the generated clients are made of
	Patience time.Duration   // how long a request is repeated while the mall does not answer
	Trouble  func(error)     // hears of each attempt that is repeated; may be nil
}

// attemptTime bounds one attempt of a request.
const attemptTime = 15 * time.Second

// Dial returns the mall at a URL such as http://127.0.0.1:8080, with the
// credentials of the environment. It does not connect yet.
func Dial(server string, patience time.Duration) (*Client, error) {
	who, err := FromEnvironment()
	if err != nil {
		return nil, err
	}
	return DialAs(who, server, patience)
}

// DialAs is Dial with credentials.
func DialAs(who Credentials, server string, patience time.Duration) (*Client, error) {
	base, err := URL(server)
	if err != nil {
		return nil, err
	}
	return &Client{RPC: connect.NewClient(connecthttp.NewTransport(who.HTTP(), base)), Patience: patience}, nil
}

// URL completes host:port to a URL, and refuses what is neither.
func URL(text string) (string, error) {
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

// Method is one RPC of a generated client.
type Method[Req, Res any] func(context.Context, *Req) (*Res, error)

// Ask sends a request that changes nothing, until it is answered. It is
// answered once the module has applied what the positions in after name.
func Ask[Req, Res any](ctx context.Context, c *Client, do Method[Req, Res], req *Req, after ...string) (*Res, error) {
	res, _, err := repeat(ctx, c, do, req, "", after)
	return res, err
}

// Tell sends a request that changes something, until it is answered: once,
// however often it must be repeated. It returns the position of what it published.
func Tell[Req, Res any](ctx context.Context, c *Client, do Method[Req, Res], req *Req, after ...string) (*Res, string, error) {
	return repeat(ctx, c, do, req, uuid.NewString(), after)
}

func repeat[Req, Res any](ctx context.Context, c *Client, do Method[Req, Res], req *Req, key string, after []string) (*Res, string, error) {
	deadline := time.Now().Add(c.Patience)
	for attempt := 0; ; attempt++ {
		res, position, err := once(ctx, do, req, key, after)
		if err == nil || !unsettled(ctx, err) || time.Now().After(deadline) {
			return res, position, err
		}
		if c.Trouble != nil {
			c.Trouble(err)
		}
		if err := pause(ctx, attempt); err != nil {
			return nil, "", err
		}
	}
}

// once sends a request one time. Key makes it safe to repeat a change.
func once[Req, Res any](ctx context.Context, do Method[Req, Res], req *Req, key string, after []string) (*Res, string, error) {
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
		return Reason(err) == "IDEMPOTENCY_IN_FLIGHT" || Reason(err) == "CONCURRENT_CHANGE"
	}
}

// Reason is the stable code of a refusal, such as PRICE_CHANGED. Without one it
// is the RPC code, and "unreachable" when nobody answered.
func Reason(err error) string {
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

// Refused reports whether the mall said no because of the state that something is in.
func Refused(err error) bool {
	switch connect.CodeOf(err) {
	case connect.CodeFailedPrecondition, connect.CodeAborted, connect.CodeAlreadyExists:
		return true
	default:
		return false
	}
}

// pause waits before attempt is repeated: longer each time, never in step with others.
func pause(ctx context.Context, attempt int) error {
	longest := min(10*time.Millisecond<<min(attempt, 6), 500*time.Millisecond)
	return Sleep(ctx, longest/2+rand.N(longest/2))
}

// Sleep waits for d, or until ctx ends.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
