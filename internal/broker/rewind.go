package broker

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// Floor is up to where a durable consumer has acknowledged all.
type Floor struct {
	Epoch        string // of the stream, see Stream.Epoch
	Acknowledged uint64 // every message up to this sequence; 0 for none
	Delivered    uint64 // none beyond this sequence; some before it may be acknowledged
	Last         uint64 // the last sequence of the stream at that time
}

// Floor asks the server how far a durable consumer of a module's stream is. One
// that does not exist has acknowledged nothing, and a stream that does not exist
// has no epoch.
func (b *Broker) Floor(ctx context.Context, durable, module string) (Floor, error) {
	ctx, release := b.within(ctx)
	defer release()
	stream, err := b.js().Stream(ctx, streamName(module))
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return Floor{}, nil
	}
	if err != nil {
		return Floor{}, fmt.Errorf("broker: floor of %s in %s: %w", durable, streamName(module), why(ctx, err))
	}
	floor := Floor{Epoch: stream.CachedInfo().Config.Metadata[epoch], Last: stream.CachedInfo().State.LastSeq}
	consumer, err := stream.Consumer(ctx, durable)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return floor, nil
	}
	if err != nil {
		return Floor{}, fmt.Errorf("broker: floor of %s in %s: %w", durable, streamName(module), why(ctx, err))
	}
	floor.Acknowledged, floor.Delivered = consumer.CachedInfo().AckFloor.Stream, consumer.CachedInfo().Delivered.Stream
	return floor, nil
}

// Read returns stored messages of a module's stream, see Stream.Read.
func (b *Broker) Read(ctx context.Context, module string, from uint64, max int) ([]Message, error) {
	return b.Stream(module).Read(ctx, from, max)
}

// Rewind has a durable consumer deliver everything again that begins at a
// sequence: it is deleted and created anew, which a subscription to it survives.
//
// The server tells the subscription before it has removed the files. Whoever
// creates the consumer in between takes over how far the old one was, and loses
// the files afterwards; so a subscription of this process waits, and when one of
// another was faster, the error says so and Rewind can be tried again. When that
// one has begun anew, everything comes again from the beginning.
func (b *Broker) Rewind(ctx context.Context, durable, module string, from uint64) error {
	ctx, release := b.within(ctx)
	defer release()
	failed := func(err error) error {
		return fmt.Errorf("broker: rewind %s in %s to %d: %w", durable, streamName(module), from, why(ctx, err))
	}
	finished, err := b.alone(ctx)
	if err != nil {
		return failed(err)
	}
	defer finished()
	stream, err := b.js().Stream(ctx, streamName(module))
	if err != nil {
		return failed(err)
	}
	consumer, err := stream.Consumer(ctx, durable)
	if err != nil {
		return failed(err)
	}
	config := consumer.CachedInfo().Config
	config.DeliverPolicy, config.OptStartSeq = jetstream.DeliverByStartSequencePolicy, from
	if err := stream.DeleteConsumer(ctx, durable); err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return failed(err)
	}
	if consumer, err = stream.CreateConsumer(ctx, config); errors.Is(err, jetstream.ErrConsumerExists) {
		consumer, err = stream.Consumer(ctx, durable)
	}
	if err != nil {
		return failed(err)
	}
	if consumer.CachedInfo().AckFloor.Stream >= from {
		return failed(errOvertaken)
	}
	return nil
}

// errOvertaken says that another process has created a consumer while it was
// being deleted.
var errOvertaken = errors.New("the consumer was created again before it was deleted")
