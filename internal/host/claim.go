package host

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"mallbots/internal/outbox"
)

// relays gives each service the relay that publishes its events.
func (p *process) relays() {
	for _, s := range p.services {
		stream := p.parts.Stream
		if stream == nil {
			stream = func(module string) outbox.Stream { return p.brokers.of[module].Stream(module) }
		}
		s.relay = outbox.NewRelay(s.DB, stream(s.Name), s.Log, outbox.Trace(p.tracer))
		if slices.Contains(p.config.TakeOver, s.Name) {
			s.relay.TakeOver()
		}
		p.readiness.add(s.Name+".relay", s.Name, s.awake(func() error { return s.relay.Health() }))
	}
}

// claimAll has each module that is at home here claim its stream before the process is ready, if the
// broker is there. It fails only when a module runs elsewhere with another
// database.
func (p *process) claimAll(ctx context.Context) error {
	const patience = 2 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	errs := make([]error, len(p.services))
	var wait sync.WaitGroup
	for i, s := range p.here() {
		wait.Go(func() {
			err := s.relay.Claim(ctx)
			if s.claimed = err == nil; errors.Is(err, outbox.ErrForeign) {
				errs[i] = err
			}
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}

// claim claims a module's stream, unless that was done before the process was
// ready, and tries again until ctx ends while the broker or the database is away.
func (p *process) claim(ctx context.Context, s *Service) error {
	if s.claimed {
		return nil
	}
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 20*time.Millisecond, time.Second
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := s.relay.Claim(ctx)
		if errors.Is(err, outbox.ErrForeign) {
			return struct{}{}, backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(wait), backoff.WithMaxElapsedTime(0))
	return err
}

// orEnd ends the process when a loop finds that its module runs elsewhere with
// another database: going on would tear the module's data apart.
func (p *process) orEnd(loop func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		err := loop(ctx)
		if errors.Is(err, outbox.ErrForeign) {
			select {
			case p.failed <- err:
			default: // it is ending already
			}
			<-ctx.Done()
		}
		return err
	}
}
