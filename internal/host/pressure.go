package host

import (
	"context"
	"sync"
	"time"

	"mallbots/internal/fault"
	"mallbots/internal/outbox"
)

// What a module answers to a change while it can take none. Reads go on, and so
// does all that is under way: consumers, timers, and the relay, which makes room.
var (
	ErrOutboxFull = fault.New(fault.Unavailable, "OUTBOX_FULL", "too many events wait for the broker; try again when it is back")
	ErrDiskFull   = fault.New(fault.Unavailable, "DISK_ALMOST_FULL", "the disk is almost full; try again when there is room")
)

// pressureEvery is how often rows and bytes are counted. What is taken in
// meanwhile can exceed the limit.
const pressureEvery = 500 * time.Millisecond

// pressure keeps changes out while the outbox is full or the disk almost is: a
// refusal in time loses nothing, a disk that is full stops everybody.
type pressure struct {
	rows int64  // the most that may wait, negative without limit
	free int64  // the least that must be free, in bytes; negative without limit
	dir  string // where that is; empty when the data is elsewhere

	mu   sync.Mutex
	full map[string]error // by module
}

func newPressure(c Config) *pressure {
	p := &pressure{rows: c.OutboxLimit, free: c.FreeDisk, full: map[string]error{}}
	if c.DatabaseURL == "" || c.NATSURL == "" {
		p.dir = c.Data
	}
	return p
}

// admit says why a module takes no change, nil when it does.
func (p *pressure) admit(module string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.full[module]
}

// watch measures until ctx ends.
func (p *pressure) watch(ctx context.Context, s *Service) error {
	tick := time.NewTicker(pressureEvery)
	defer tick.Stop()
	for {
		p.note(s, p.measure(ctx, s.relay))
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// measure says what is full. What cannot be counted is not: the database says
// by itself that it is away.
func (p *pressure) measure(ctx context.Context, relay *outbox.Relay) error {
	if p.dir != "" && p.free >= 0 {
		if free, _, err := space(p.dir); err == nil && free < p.free {
			return ErrDiskFull.With("%d MiB are free, and %d must be", free>>20, p.free>>20)
		}
	}
	if p.rows < 0 {
		return nil
	}
	if rows, _, err := relay.Depth(ctx); err == nil && rows >= p.rows {
		return ErrOutboxFull.With("%d wait, and %d may", rows, p.rows)
	}
	return nil
}

// note keeps the verdict, and logs when it changes.
func (p *pressure) note(s *Service, full error) {
	p.mu.Lock()
	before := p.full[s.Name]
	p.full[s.Name] = full
	p.mu.Unlock()
	switch {
	case before == nil && full != nil:
		s.Log.Error("changes are refused", "reason", full)
	case before != nil && full == nil:
		s.Log.Info("changes are taken again")
	}
}
