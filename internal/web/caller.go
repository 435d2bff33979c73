package web

import (
	"context"
	"net/http"
)

// Caller is on whose behalf a page asks the mall.
type Caller struct {
	Address       string   // where from, host:port
	Authorization string   // the header that says who, as the API wants it; may be empty
	Operator      string   // who acts, for the record of operators' deeds; may be empty
	Key           string   // Idempotency-Key of a change; may be empty
	After         []string // positions that the answer must know of
}

type callerKey struct{}

// WithCaller lets all requests that are made with the context say who asks.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

func callerFrom(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

// introduce writes who asks into the headers of a request.
func (c Caller) introduce(header http.Header) {
	for name, value := range map[string]string{
		"Authorization": c.Authorization, "Mallbots-As": c.Operator, "Idempotency-Key": c.Key,
	} {
		if value != "" {
			header.Set(name, value)
		}
	}
	for _, position := range c.After {
		header.Add("Mallbots-After", position)
	}
}
