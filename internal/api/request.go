package api

import (
	"context"
	"strconv"
	"sync"

	"connectrpc.com/connect/v2"
)

// The headers of the contract.
const (
	headerCorrelation = "X-Correlation-Id"
	headerRequestID   = "X-Request-Id"
	headerTraceparent = "Traceparent"
	headerETag        = "Etag"
	headerIfMatch     = "If-Match"
	headerKey         = "Idempotency-Key"
	headerPosition    = "Mallbots-Position"
	headerAfter       = "Mallbots-After"
	headerLastEvent   = "Last-Event-Id"
	headerRetryAfter  = "Retry-After"
)

// request is what the interceptors know of a request.
type request struct {
	procedure string
	key       string                    // Idempotency-Key, or empty
	inFlight  *sync.Map                 // the server's mutations in progress: idempotencyKey → nothing
	admit     func(module string) error // may be nil
}

type requestKey struct{}

// requestFrom returns the request in ctx, or an empty one: a method that is
// called directly has no headers.
func requestFrom(ctx context.Context) *request {
	if r, ok := ctx.Value(requestKey{}).(*request); ok {
		return r
	}
	return &request{}
}

// SetETag tells the caller the version of the aggregate in the response, for a
// later If-Match.
func SetETag(ctx context.Context, version int64) {
	setHeader(ctx, headerETag, `"`+strconv.FormatInt(version, 10)+`"`)
}

// LastEventID is the version of the last message that a caller who resumes a
// stream has seen, and whether it said so.
func LastEventID(ctx context.Context) (int64, bool) {
	info, ok := connect.CallInfoForServerContext(ctx)
	if !ok {
		return 0, false
	}
	version, err := strconv.ParseInt(info.RequestHeader().Get(headerLastEvent), 10, 64)
	return version, err == nil && version >= 0
}

// setHeader sets a header of the response, when there is one to set it on. An
// empty value takes it away.
func setHeader(ctx context.Context, name, value string) {
	info, ok := connect.CallInfoForServerContext(ctx)
	if !ok {
		return
	}
	if value == "" {
		info.ResponseHeader().Delete(name)
		return
	}
	info.ResponseHeader().Set(name, value)
}

// header returns a header that the response will have so far.
func header(ctx context.Context, name string) string {
	info, ok := connect.CallInfoForServerContext(ctx)
	if !ok {
		return ""
	}
	return info.ResponseHeader().Get(name)
}
