package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// AckWait is how long the server waits for an acknowledgement, or for a sign
// that the work goes on, before it delivers a message again. It is how long the
// messages in flight wait when a process is killed.
const AckWait = 2 * time.Second

const (
	pullExpiry = 5 * time.Second // so long the server may hand messages to a process that is paused
	heartbeat  = 2 * time.Second
)

// Delivery is a message that arrived, and what can be said to the server about
// it. Until Ack, the server will deliver it again.
type Delivery struct {
	Message
	Redelivered int // how often it was delivered before
	ack         string
	say         ticket
}

// ticket is what can be said about a delivery; jetstream.Msg is one.
type ticket interface {
	Ack() error
	InProgress() error
	NakWithDelay(delay time.Duration) error
}

// Ack ends the matter: its effects are committed.
func (d *Delivery) Ack() error { return d.say.Ack() }

// InProgress asks for another AckWait.
func (d *Delivery) InProgress() error { return d.say.InProgress() }

// Nak asks for the message again after a delay; others overtake it.
func (d *Delivery) Nak(delay time.Duration) error { return d.say.NakWithDelay(delay) }

const (
	prefetch   = 256  // messages that wait in this process for deliver; they must be done within half of AckWait
	maxPending = 1024 // messages that are delivered and not acknowledged
)

// subscription is one consumer of one stream, kept alive.
type subscription struct {
	broker  *Broker
	durable string
	module  string
	stream  string
	part    string // what Health calls it
	deliver func(*Delivery)
}

// Subscribe hands every message of a module's stream to deliver, one after the
// other and from the beginning, and goes on where the last process of the same
// durable name left off. It blocks until ctx ends; deliver should be quick to
// return, and its blocking is the back-pressure.
//
// Whatever breaks meanwhile is mended: a lost connection, a deleted consumer, a
// stream that was created again. Health says what is broken. A stream that
// does not exist yet is waited for.
func (b *Broker) Subscribe(ctx context.Context, durable, module string, deliver func(*Delivery)) error {
	s := &subscription{broker: b, durable: durable, module: module, stream: streamName(module), deliver: deliver}
	s.part = fmt.Sprintf("consumer %s of %s", durable, s.stream)
	defer b.health.set(s.part, nil)
	defer b.health.wait(s.part, "")
	for attempt := 1; ; attempt++ {
		started := time.Now()
		err := s.run(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if time.Since(started) > pullExpiry {
			attempt = 1
		}
		s.report(err, attempt)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(backoff(attempt, 20*time.Millisecond, time.Second)):
		}
	}
}

// report makes known why the consumer does not run.
func (s *subscription) report(err error, attempt int) {
	if errors.Is(err, jetstream.ErrStreamNotFound) && !s.broker.known(s.stream) {
		s.broker.health.wait(s.part, "waiting for stream")
		s.broker.health.set(s.part, nil)
		return
	}
	s.broker.health.set(s.part, err)
	if attempt == 1 || attempt%30 == 0 {
		s.broker.log.Warn("broker: consumer interrupted, trying again", "consumer", s.durable, "stream", s.stream, "attempt", attempt, "error", err)
	}
}

// run delivers until something breaks.
func (s *subscription) run(ctx context.Context) error {
	session := s.broker.present()
	consumer, err := s.consumer(ctx)
	if err != nil {
		return err
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(prefetch),
		jetstream.PullExpiry(pullExpiry), jetstream.PullHeartbeat(heartbeat))
	if err != nil {
		return err
	}
	s.broker.health.wait(s.part, "")
	s.broker.health.set(s.part, nil)
	for {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			s.giveBack(session, messages)
			return err
		}
		if ctx.Err() != nil {
			err := msg.Nak()
			s.giveBack(session, messages)
			return err
		}
		s.hand(msg)
	}
}

// hand delivers one message.
func (s *subscription) hand(msg jetstream.Msg) {
	meta, err := msg.Metadata()
	if err != nil {
		s.broker.log.Error("broker: message that is not of the stream", "subject", msg.Subject(), "error", err)
		return
	}
	s.deliver(&Delivery{
		Message:     message(msg.Subject(), msg.Headers(), msg.Data(), meta.Sequence.Stream),
		Redelivered: int(meta.NumDelivered) - 1,
		ack:         msg.Reply(),
		say:         msg,
	})
}

// giveBack returns what was fetched and not handed out, so that whoever comes
// next has it at once and not after AckWait.
//
// When the connection was lost it does not: a subscription that is being drained
// is made anew by the client's reconnect, and nobody ends it then. The server
// would hand to it what it still asks for, until pullExpiry. The session's end is
// heard of a moment after the connection's.
func (s *subscription) giveBack(session context.Context, messages jetstream.MessagesContext) {
	if session.Err() != nil || !s.broker.Connected() {
		messages.Stop()
		return
	}
	messages.Drain()
	for {
		msg, err := messages.Next(jetstream.NextMaxWait(time.Second))
		if err != nil {
			messages.Stop()
			return
		}
		if err := msg.Nak(); err != nil {
			s.broker.log.Debug("broker: give back", "consumer", s.durable, "stream", s.stream, "error", err)
		}
	}
}

// Pending is how many messages of a module's stream the durable consumer has
// yet to acknowledge: those never delivered, and those delivered.
func (b *Broker) Pending(ctx context.Context, durable, module string) (uint64, error) {
	ctx, release := b.within(ctx)
	defer release()
	stream, err := b.js().Stream(ctx, streamName(module))
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("broker: pending of %s in %s: %w", durable, streamName(module), why(ctx, err))
	}
	consumer, err := stream.Consumer(ctx, durable)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return stream.CachedInfo().State.Msgs, nil
	}
	if err != nil {
		return 0, fmt.Errorf("broker: pending of %s in %s: %w", durable, streamName(module), why(ctx, err))
	}
	info := consumer.CachedInfo()
	return info.NumPending + uint64(info.NumAckPending), nil
}
