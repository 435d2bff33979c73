package broker

import (
	"context"
	"errors"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// consumer makes sure of the durable consumer.
func (s *subscription) consumer(ctx context.Context) (jetstream.Consumer, error) {
	ctx, release := s.broker.within(ctx)
	defer release()
	finished, err := s.broker.alone(ctx)
	if err != nil {
		return nil, why(ctx, err)
	}
	defer finished()
	stream, err := s.broker.js().Stream(ctx, s.stream)
	if err != nil {
		return nil, why(ctx, err)
	}
	s.broker.know(s.stream)
	config := jetstream.ConsumerConfig{
		Durable:       s.durable,
		Description:   s.durable + " listens to " + s.module,
		FilterSubject: subjects(s.module),
		DeliverPolicy: jetstream.DeliverAllPolicy,
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       AckWait,
		MaxDeliver:    -1, // the application counts; the server would skip in silence
		MaxAckPending: maxPending,
	}
	existing, missing := stream.Consumer(ctx, s.durable)
	if missing == nil { // where it began cannot be changed, see Rewind
		have := existing.CachedInfo().Config
		config.DeliverPolicy, config.OptStartSeq = have.DeliverPolicy, have.OptStartSeq
	}
	consumer, err := stream.CreateOrUpdateConsumer(ctx, config)
	if withoutFiles(err) || err == nil && errors.Is(missing, jetstream.ErrConsumerNotFound) && inherited(consumer) { // it begins anew, and what it had is a duplicate
		if err := stream.DeleteConsumer(ctx, s.durable); err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
			return nil, why(ctx, err)
		}
		config.DeliverPolicy, config.OptStartSeq = jetstream.DeliverAllPolicy, 0
		consumer, err = stream.CreateConsumer(ctx, config)
	}
	return consumer, why(ctx, err)
}

// inherited says whether a consumer that was just created has taken over how far
// one of its name was. The server is still deleting that one, and removes the
// files of both.
func inherited(consumer jetstream.Consumer) bool {
	return consumer.CachedInfo().Delivered.Consumer > 0
}

// withoutFiles says whether the server knows a consumer whose files are gone, as
// when it was created while the one before it was being deleted. It would stay so.
func withoutFiles(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeConsumerCreate && strings.Contains(api.Description, "no such file or directory")
}

// alone waits until nobody else in this process makes a consumer.
func (b *Broker) alone(ctx context.Context) (finished func(), err error) {
	select {
	case b.making <- struct{}{}:
		return func() { <-b.making }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
