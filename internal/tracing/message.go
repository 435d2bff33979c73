package tracing

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// What the semantic conventions have no name for.
const (
	conversation = attribute.Key("mallbots.correlation_id")
	module       = attribute.Key("mallbots.module")
	key          = attribute.Key("mallbots.key")
	sequence     = attribute.Key("mallbots.sequence")
	attempt      = attribute.Key("mallbots.attempt")
	position     = attribute.Key("mallbots.stream.sequence")
	timer        = attribute.Key("mallbots.timer")
)

var system = semconv.MessagingSystemKey.String("nats")

// Message is what spans say of a message.
type Message struct {
	ID           string
	Type         string // the event's full name
	Key          string // whom it is about
	Sequence     int64  // of the key; 0 when it has none yet
	Conversation string // the correlation id
	Module       string // who publishes or handles it
}

func (m Message) attributes(more ...attribute.KeyValue) trace.SpanStartOption {
	all := []attribute.KeyValue{
		system, semconv.MessagingDestinationName(m.Type), semconv.MessagingMessageID(m.ID),
		semconv.MessagingMessageConversationID(m.Conversation), module.String(m.Module), key.String(m.Key),
	}
	if m.Sequence > 0 {
		all = append(all, sequence.Int64(m.Sequence))
	}
	return trace.WithAttributes(append(all, more...)...)
}

// Create makes the span of a message that is put into the outbox, as a child of
// the one in ctx, and returns its traceparent, for the header of the message.
// Without a span in ctx it returns nothing.
func Create(ctx context.Context, m Message) string {
	current := trace.SpanFromContext(ctx)
	if !current.IsRecording() { // off, or not sampled: that goes on, too
		return traceparent(current.SpanContext())
	}
	_, span := current.TracerProvider().Tracer(scope).Start(ctx, "create "+m.Type, trace.WithSpanKind(trace.SpanKindProducer),
		m.attributes(semconv.MessagingOperationTypeCreate, semconv.MessagingOperationName("create")))
	span.End()
	return traceparent(span.SpanContext())
}

// Sending is how a message came from the outbox into the stream.
type Sending struct {
	Message
	Traceparent string    // of the span that created it
	Stream      string    // its name
	Position    uint64    // its sequence there
	Batch       int       // how many messages were sent together
	Queued      time.Time // when it was put into the outbox
	Begun       time.Time // when it was sent
	Stored      time.Time // when the stream was known to hold it
}

// Sent makes the spans of a message that was published: its wait, and its
// sending.
func (t *Tracer) Sent(ctx context.Context, s Sending) {
	if t == nil {
		return
	}
	ctx = remote(ctx, s.Traceparent)
	if !trace.SpanContextFromContext(ctx).IsSampled() {
		return
	}
	_, wait := t.tracer.Start(ctx, "wait in the outbox", trace.WithTimestamp(s.Queued), s.attributes())
	wait.End(trace.WithTimestamp(s.Begun))
	_, send := t.tracer.Start(ctx, "send "+s.Stream, trace.WithTimestamp(s.Begun), trace.WithSpanKind(trace.SpanKindClient),
		s.attributes(semconv.MessagingOperationTypeSend, semconv.MessagingOperationName("publish"),
			semconv.MessagingBatchMessageCount(s.Batch), position.Int64(int64(s.Position))))
	send.End(trace.WithTimestamp(s.Stored))
}

// Process begins the span of a message that is handed to its handler, the
// failed attempts before it being so many. End it when the outcome is committed.
func (t *Tracer) Process(ctx context.Context, m Message, consumer string, attempts int, traceparent string) (context.Context, Span) {
	if t == nil {
		return ctx, nil
	}
	return t.tracer.Start(remote(ctx, traceparent), "process "+m.Type, trace.WithSpanKind(trace.SpanKindConsumer),
		m.attributes(semconv.MessagingOperationTypeProcess, semconv.MessagingOperationName("process"),
			semconv.MessagingConsumerGroupName(consumer), attempt.Int(attempts+1)))
}

// Timer begins the span of a timer that fires, which begins a trace: it is
// linked to the one in which the timer was set, if that is known.
func (t *Tracer) Timer(ctx context.Context, owner, name, of, correlation, traceparent string) (context.Context, Span) {
	if t == nil {
		return ctx, nil
	}
	options := []trace.SpanStartOption{
		trace.WithNewRoot(),
		trace.WithAttributes(module.String(owner), timer.String(name), key.String(of), conversation.String(correlation)),
	}
	if set := trace.SpanContextFromContext(remote(ctx, traceparent)); set.IsValid() {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: set}))
	}
	return t.tracer.Start(ctx, "timer "+name, options...)
}
