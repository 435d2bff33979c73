package simulation

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"mallbots/internal/broker"
	"mallbots/internal/sabotage"
)

// bus is the broker. It outlives the process, unless a fault says otherwise.
type bus struct {
	world    *World
	streams  map[string]*stream  // by module
	durables map[string]*durable // by name
	epochs   int
	away     time.Time // until when nobody can reach it
}

// stream is what a module has published: message i has the sequence i+1.
type stream struct {
	module   string
	epoch    string
	messages []broker.Message
	window   map[string]uint64 // ids that are recognised, and where they are
	late     []parcel          // publishes that nobody has answered and that are still on their way
	torn     bool              // it has lost its end, and gave sequences out again
}

// parcel is an Append on its way to the server.
type parcel struct {
	expected uint64
	messages []broker.Message
	ancient  bool // the server has forgotten the ids by the time it arrives
}

func newBus(w *World) *bus {
	return &bus{world: w, streams: map[string]*stream{}, durables: map[string]*durable{}}
}

// stream returns a module's stream, nil when there is none.
func (b *bus) stream(module string) *stream { return b.streams[module] }

// create makes a new and empty stream.
func (b *bus) create(module string) *stream {
	b.epochs++
	s := &stream{module: module, epoch: fmt.Sprintf("epoch-%d", b.epochs), window: map[string]uint64{}}
	b.streams[module] = s
	return s
}

func (s *stream) last() uint64 { return uint64(len(s.messages)) }

// store is what the server does with an Append: all of it or nothing.
func (s *stream) store(expected uint64, messages []broker.Message) (uint64, error) {
	if expected != s.last() && !sabotage.On(sabotage.NoFence) {
		return 0, fmt.Errorf("simulation: %w: it is %d, not %d", broker.ErrStale, s.last(), expected)
	}
	for _, m := range messages {
		if at, known := s.window[m.ID]; known {
			if len(messages) > 1 {
				at = 0
			}
			return at, fmt.Errorf("simulation: %w", broker.ErrDuplicate)
		}
	}
	for _, m := range messages {
		m.Sequence = s.last() + 1
		s.messages = append(s.messages, m)
		s.window[m.ID] = m.Sequence
	}
	return s.last(), nil
}

// cut loses the newest n messages, as a torn file does. Their sequences are
// given out again.
func (s *stream) cut(n int) {
	s.messages = s.messages[:max(0, len(s.messages)-n)]
	s.late, s.torn = nil, true
	s.remember()
}

// damage does to a stream what a fault says.
func (b *bus) damage(s *stream, f *Fault) {
	if f.Kind == StreamCut {
		s.cut(f.Size)
	}
	for name, d := range b.durables {
		switch {
		case d.source != s.module:
		case f.Kind == StreamCut:
			d.clamp(s.last())
		default:
			delete(b.durables, name)
		}
	}
	if f.Kind == StreamLost {
		delete(b.streams, s.module)
	}
}

// remember fills the window from what is stored, as a server does that starts.
func (s *stream) remember() {
	clear(s.window)
	for _, m := range s.messages {
		s.window[m.ID] = m.Sequence
	}
}

// reachable fails while the process that asks is dead, or the broker away.
func (b *bus) reachable(life int) error {
	switch {
	case life != b.world.life():
		return fmt.Errorf("simulation: %w: the process is dead", broker.ErrUnknown)
	case time.Now().Before(b.away):
		return fmt.Errorf("simulation: %w: the broker is away", broker.ErrUnknown)
	}
	return nil
}

// port is a module's stream as one process sees it: an outbox.Stream.
type port struct {
	bus    *bus
	module string
	life   int
	epoch  string
}

// Name implements outbox.Stream.
func (p *port) Name() string { return "MALLBOTS_" + strings.ToUpper(p.module) }

// Module implements outbox.Stream.
func (p *port) Module() string { return p.module }

// Epoch implements outbox.Stream.
func (p *port) Epoch() string { return p.epoch }

// Ensure implements outbox.Stream.
func (p *port) Ensure(context.Context) error {
	if err := p.bus.reachable(p.life); err != nil {
		return err
	}
	s := p.bus.stream(p.module)
	if s == nil {
		s = p.bus.create(p.module)
	}
	p.epoch = s.epoch
	return nil
}

// find returns the stream, if it can be reached and exists.
func (p *port) find() (*stream, error) {
	if err := p.bus.reachable(p.life); err != nil {
		return nil, err
	}
	s := p.bus.stream(p.module)
	if s == nil {
		return nil, fmt.Errorf("simulation: %w", broker.ErrNoStream)
	}
	return s, nil
}

// Last implements outbox.Stream.
func (p *port) Last(context.Context) (uint64, error) {
	s, err := p.find()
	if err != nil {
		return 0, err
	}
	return s.last(), nil
}

// State is what a relay looks at now and then.
func (p *port) State(context.Context) (broker.State, error) {
	s, err := p.find()
	if err != nil {
		return broker.State{}, err
	}
	return broker.State{Epoch: s.epoch, First: 1, Last: s.last(), Messages: s.last()}, nil
}

// Read implements outbox.Stream.
func (p *port) Read(_ context.Context, from uint64, most int) ([]broker.Message, error) {
	s, err := p.find()
	if err != nil {
		return nil, err
	}
	if from < 1 || from > s.last() {
		return nil, nil
	}
	return slices.Clone(s.messages[from-1 : min(s.last(), from-1+uint64(most))]), nil
}

// Append implements outbox.Stream.
func (p *port) Append(_ context.Context, expected uint64, messages []broker.Message) (uint64, error) {
	s, err := p.find()
	if err != nil {
		return 0, err
	}
	w := p.bus.world
	f := w.faults.at(onAppend, p.module)
	switch {
	case f == nil:
	case f.Kind == AppendLost:
		return 0, fmt.Errorf("simulation: %w: it never arrived", broker.ErrUnknown)
	case f.Kind == AppendRefused:
		return 0, fmt.Errorf("simulation: %w: so says a server that lags behind", broker.ErrStale)
	case f.Kind == WindowForgotten:
		clear(s.window)
	case f.Kind == StreamCut, f.Kind == StreamLost:
		if f.Size%2 == 0 { // else it is a server of its own
			w.crash("and the stream of " + p.module + " is damaged")
		}
		p.bus.damage(s, f)
		return 0, fmt.Errorf("simulation: %w: the server is gone", broker.ErrUnknown)
	case f.Kind == AppendLate:
		s.late = append(s.late, parcel{expected, slices.Clone(messages), f.forgets()})
		return 0, fmt.Errorf("simulation: %w: it is still on its way", broker.ErrUnknown)
	}
	last, err := s.store(expected, messages)
	w.trace.line("%s append %d after %d: last %d %s", p.module, len(messages), expected, last, outcomeOf(err))
	switch {
	case f == nil:
	case f.Kind == AppendUnheard, f.Kind == AppendCrash:
		if f.forgets() {
			clear(s.window)
		}
	}
	switch {
	case f == nil:
	case f.Kind == AppendUnheard:
		return 0, fmt.Errorf("simulation: %w: the answer is lost", broker.ErrUnknown)
	case f.Kind == AppendCrash:
		w.crash(p.module + " after an append")
		return 0, fmt.Errorf("simulation: %w: the process is dead", broker.ErrUnknown)
	}
	return last, err
}

func outcomeOf(err error) string {
	if err == nil {
		return "ok"
	}
	return err.Error()
}

// arrive lets the oldest publish that is on its way arrive.
func (s *stream) arrive(t *trace) {
	p := s.late[0]
	s.late = s.late[1:]
	if p.ancient {
		clear(s.window)
	}
	last, err := s.store(p.expected, p.messages)
	t.line("%s late append %d after %d: last %d %s", s.module, len(p.messages), p.expected, last, outcomeOf(err))
}
