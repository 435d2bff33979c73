// Package cause carries through a context who asked for something and what
// led to it, so that every stored event and every published message can say
// so: the actor, the conversation it belongs to (correlation), and the request
// or message that triggered it directly (causation).
package cause

import "context"

// Cause is why something happens.
type Cause struct {
	Actor         string // who asked: a principal, or the module that reacts
	CorrelationID string // the same for all that follows from one request
	CausationID   string // the request or message that led here directly
	Traceparent   string // the W3C trace context, or empty
}

type key struct{}

// With returns a context in which From returns c.
func With(ctx context.Context, c Cause) context.Context {
	return context.WithValue(ctx, key{}, c)
}

// From returns the cause in ctx, or the zero Cause.
func From(ctx context.Context) Cause {
	c, _ := ctx.Value(key{}).(Cause)
	return c
}
