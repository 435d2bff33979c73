package outbox

import (
	"context"
	"time"

	"mallbots/internal/broker"
	"mallbots/internal/tracing"
)

// sent tells of messages that the stream holds since now, the last of them at a
// sequence.
func (r *Relay) sent(ctx context.Context, messages []broker.Message, begun time.Time, last uint64) {
	now := time.Now()
	for i, m := range messages {
		queued, err := time.Parse(time.RFC3339Nano, m.Header[broker.HeaderTime])
		if err != nil {
			continue // it is its consumers who refuse it
		}
		waited.WithLabelValues(r.db.Module()).Observe(max(0, now.Sub(queued).Seconds())) // the clock may have been set back
		if r.tracer == nil || m.Header[broker.HeaderTraceparent] == "" {
			continue
		}
		e, err := m.Open()
		if err != nil {
			continue
		}
		r.tracer.Sent(ctx, tracing.Sending{
			Message:     tracing.Message{ID: e.ID, Type: e.Type, Key: e.Key, Sequence: e.Sequence, Conversation: e.CorrelationID, Module: e.Source},
			Traceparent: e.Traceparent, Stream: r.stream.Name(), Position: last - uint64(len(messages)-1-i), Batch: len(messages),
			Queued: queued, Begun: begun, Stored: now,
		})
	}
}
