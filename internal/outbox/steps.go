package outbox

import (
	"context"
	"time"

	"mallbots/internal/broker"
)

// Stream is where a relay publishes; *broker.Stream is one.
type Stream interface {
	// Name is what the broker calls the stream, Module whose events it carries.
	Name() string
	Module() string
	// Epoch tells one life of the stream from the next.
	Epoch() string
	Ensure(ctx context.Context) error
	Last(ctx context.Context) (uint64, error)
	Append(ctx context.Context, expectedLast uint64, messages []broker.Message) (last uint64, err error)
	Read(ctx context.Context, from uint64, max int) ([]broker.Message, error)
}

// Steps do what Run does, one at a time and in the caller's goroutine. They are
// for a simulator, which decides what happens next; use them or Run.
type Steps struct {
	relay  *Relay
	mover  *mover    // nil when the stream has to be compared first
	looked time.Time // when the stream was last looked at
	wake   <-chan struct{}
	stop   func()
}

// Steps makes the relay the one at work.
func (r *Relay) Steps() *Steps {
	r.setRunning(true)
	s := &Steps{relay: r}
	s.wake, s.stop = r.db.Listen(topic)
	return s
}

// Awake says whether a commit has put rows into the outbox since the last call.
func (s *Steps) Awake() bool {
	select {
	case <-s.wake:
		return true
	default:
		return false
	}
}

// Publish sends the next rows, and says whether there may be more. After an
// error, and at first, it begins by finding out where the stream stands.
func (s *Steps) Publish(ctx context.Context) (more bool, err error) {
	if s.mover == nil {
		if err := s.relay.resume(ctx); err != nil {
			s.relay.interrupted(err, 1)
			return false, err
		}
		s.mover, s.looked = s.relay.blankMover(most), time.Now()
	}
	if time.Since(s.looked) > look {
		if err := s.relay.look(ctx); err != nil {
			return false, s.interrupted(ctx, err)
		}
		s.looked = time.Now()
	}
	if more, err = s.relay.publish(ctx, s.mover); err == nil {
		return more, nil
	}
	return false, s.interrupted(ctx, err)
}

// interrupted has the stream compared before anything else is published.
func (s *Steps) interrupted(ctx context.Context, err error) error {
	s.relay.interrupted(err, 1)
	_ = s.Move(ctx) // what that leaves in the outbox is found in the stream
	s.mover = nil
	return err
}

// Unmoved says whether rows are sent and still in the outbox.
func (s *Steps) Unmoved() bool { return s.mover != nil && len(s.mover.jobs) > 0 }

// Move takes sent rows out of the outbox.
func (s *Steps) Move(ctx context.Context) error {
	if !s.Unmoved() {
		return nil
	}
	runs := []run{}
	for len(s.mover.jobs) > 0 {
		runs = join(runs, <-s.mover.jobs)
	}
	err := s.mover.commit(ctx, s.relay.epoch, runs)
	if err != nil {
		s.relay.interrupted(err, 1)
		s.mover = nil
	}
	return err
}

// Stop ends the relay's work where it is.
func (s *Steps) Stop() {
	s.stop()
	s.relay.setRunning(false)
}
