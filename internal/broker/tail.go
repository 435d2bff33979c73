package broker

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// Tail hands each new message of a module's stream to see, until ctx ends. It
// only looks on: nothing is acknowledged, and nothing kept of where it was.
func (b *Broker) Tail(ctx context.Context, module string, see func(Message)) error {
	consumer, err := b.js.OrderedConsumer(ctx, streamName(module), jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{subjects(module)},
		DeliverPolicy:  jetstream.DeliverNewPolicy,
	})
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
