package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Tail hands each new message of a module's stream to see, until ctx ends. It
// only looks on: nothing is acknowledged, and nothing kept of where it was.
func (b *Broker) Tail(ctx context.Context, module string, see func(Message)) error {
	consumer, err := b.onlooker(ctx, module)
	if err != nil {
		return fmt.Errorf("broker: tail %s: %w", streamName(module), err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		return fmt.Errorf("broker: tail %s: %w", streamName(module), err)
	}
	defer messages.Stop()
	for {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, jetstream.ErrNoHeartbeat) {
			continue // the consumer makes itself anew
		}
		if err != nil {
			return fmt.Errorf("broker: tail %s: %w", streamName(module), err)
		}
		meta, err := msg.Metadata()
		if err != nil {
			return fmt.Errorf("broker: tail %s: %w", streamName(module), err)
		}
		see(message(msg.Subject(), msg.Headers(), msg.Data(), meta.Sequence.Stream))
	}
}

// onlooker returns a consumer of what comes from now on. It waits for a stream
// whose module has not made it yet.
func (b *Broker) onlooker(ctx context.Context, module string) (jetstream.Consumer, error) {
	for {
		consumer, err := b.js().OrderedConsumer(ctx, streamName(module), jetstream.OrderedConsumerConfig{
			FilterSubjects: []string{subjects(module)},
			DeliverPolicy:  jetstream.DeliverNewPolicy,
		})
		if !errors.Is(err, jetstream.ErrStreamNotFound) {
			return consumer, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}
