package inbox

import (
	"context"
	"errors"
	"hash/fnv"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"mallbots/internal/broker"
	"mallbots/internal/database"
)

// Broker is what messages come from; *broker.Broker is one.
type Broker interface {
	Subscribe(ctx context.Context, durable, module string, deliver func(*broker.Delivery)) error
	Pending(ctx context.Context, durable, module string) (uint64, error)
}

// consumer is the module's ear for one source.
type consumer struct {
	in     *Inbox
	source string
	name   string // the durable's, and the consumer column of every table
	lanes  []*lane
	work   sync.WaitGroup // lanes, and the keys that are set aside

	stepped bool // somebody drives it by Steps

	mu       sync.Mutex
	flying   map[place]*message   // received and not yet acknowledged
	latest   map[uint64]*message  // those of them that came last with their sequence
	heard    time.Time            // when the latest delivery came
	troubles map[string]trouble   // by line: what fails for reasons that should pass
	draining map[string]bool      // keys whose held messages are being applied
	awaited  map[string][]*waiter // those in Await, by key

	replaced atomic.Bool // a sequence was another message's before: the stream has lost its end

	mark    mark     // belongs to the goroutine that reconciles
	hearing *hearing // nil when nobody compares
	hangUp  func()   // ends the present subscription; another follows
}

func newConsumer(in *Inbox, source string) *consumer {
	return &consumer{
		in: in, source: source, name: broker.Durable(in.db.Module(), source),
		flying: map[place]*message{}, latest: map[uint64]*message{}, troubles: map[string]trouble{}, draining: map[string]bool{}, awaited: map[string][]*waiter{},
	}
}

// start runs the lanes until ctx ends. What is being committed by then is
// finished and acknowledged; the rest is delivered again to whoever comes next.
func (c *consumer) start(ctx context.Context) {
	c.open()
	for _, l := range c.lanes {
		c.work.Go(func() { l.run(ctx) })
	}
	c.work.Go(func() { c.keepAlive(ctx) })
	c.work.Go(func() { c.release(ctx) })
}

// open makes the lanes, empty.
func (c *consumer) open() {
	lanes := make([]*lane, c.in.settings.lanes)
	for i := range lanes {
		lanes[i] = newLane(c)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lanes = lanes
}

// run consumes until ctx ends and all work is done: what this process deals out
// to itself, and what its colleagues deal out to it. Start it before.
func (c *consumer) run(ctx context.Context, b Broker) error {
	if r, can := b.(rewinder); can {
		c.mu.Lock()
		c.hearing = &hearing{}
		c.mu.Unlock()
		c.work.Go(func() { c.reconcileAlways(ctx, r) })
	}
	err := c.listen(ctx, b)
	c.work.Wait()
	c.giveBack()
	return err
}

// watch hangs up when messages wait on the server, none is being worked on, and
// none has come for long: a subscription that went deaf is replaced. When all that
// wait are with colleagues, that is for nothing, and does no harm.
func (c *consumer) watch(ctx context.Context, b Broker, hangUp func()) {
	quiet := c.in.settings.deaf
	tick := time.NewTicker(quiet / 3)
	defer tick.Stop()
	heard := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		n, err := b.Pending(ctx, c.name, c.source)
		c.mu.Lock()
		if err != nil || n == 0 || len(c.flying) > 0 || c.heard.After(heard) {
			heard = time.Now()
		}
		c.mu.Unlock()
		if time.Since(heard) > quiet {
			level := slog.LevelWarn
			if len(database.CrewOf(c.in.db).Members) > 1 { // they may be with colleagues
				level = slog.LevelDebug
			}
			c.in.log.Log(ctx, level, "inbox: messages wait and none comes, subscribing anew", "consumer", c.name, "waiting", n)
			hangUp()
			return
		}
	}
}

// receive puts a delivery into its lane and never blocks: what is unacknowledged
// is bounded by the broker. A second delivery of what is still being worked on
// only renews the ticket.
func (c *consumer) receive(ctx context.Context, delivered broker.Message, t ticket) {
	m := newMessage(c.source, delivered, t, time.Now())
	c.mu.Lock()
	c.heard = time.Now()
	if known := c.flying[m.place]; known != nil {
		c.mu.Unlock()
		known.again(t)
		return
	}
	c.flying[m.place] = m
	if before := c.latest[m.place.sequence]; before != nil { // to acknowledge that one would acknowledge this one
		before.again(silent{})
		c.replaced.Store(true)
	}
	c.latest[m.place.sequence] = m
	c.mu.Unlock()
	c.lane(m).put(ctx, m)
	if c.in.settings.twice {
		twin := newMessage(c.source, delivered, silent{}, m.received)
		twin.place = place{}
		c.lane(twin).put(ctx, twin)
	}
}

// silent is the ticket of a copy, and of what is not in its place any more.
type silent struct{}

func (silent) Ack() error              { return nil }
func (silent) InProgress() error       { return nil }
func (silent) Nak(time.Duration) error { return nil }

// lane returns where m's key is worked on.
func (c *consumer) lane(m *message) *lane {
	h := fnv.New32a()
	h.Write([]byte(m.line())) // a hash never fails to be written to
	return c.lanes[(h.Sum32()>>5)%uint32(len(c.lanes))]
}

// done acknowledges m, whose outcome is committed.
func (c *consumer) done(m *message, o outcome) {
	c.count(m, o)
	if err := m.current().Ack(); err != nil { // then it comes again, as a duplicate
		c.in.log.Debug("inbox: acknowledge", "consumer", c.name, "message", m.id, "error", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.flying[m.place] == m {
		delete(c.flying, m.place)
	}
	if c.latest[m.place.sequence] == m {
		delete(c.latest, m.place.sequence)
	}
}

// keepAlive tells the server again and again that work goes on, for all that has
// been here a while: in a lane, set aside, or behind a gap.
func (c *consumer) keepAlive(ctx context.Context) {
	const often = broker.AckWait / 4
	tick := time.NewTicker(often)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := time.Now()
		for _, m := range c.inFlight() {
			if now.Sub(m.received) < often {
				continue // most are done before they need it
			}
			if err := m.current().InProgress(); err != nil && ctx.Err() == nil {
				c.in.log.DebugContext(ctx, "inbox: in progress", "consumer", c.name, "message", m.id, "error", err)
				break // the connection is gone; what comes again is a duplicate
			}
		}
	}
}

// inFlight returns what was received and is not acknowledged.
func (c *consumer) inFlight() []*message {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]*message, 0, len(c.flying))
	for _, m := range c.flying {
		all = append(all, m)
	}
	return all
}

// giveBack returns what was not finished, so that whoever comes next has it
// at once and not after AckWait.
func (c *consumer) giveBack() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.flying {
		if err := m.current().Nak(0); err != nil {
			c.in.log.Debug("inbox: give back", "consumer", c.name, "message", m.id, "error", err)
		}
	}
	clear(c.flying)
	clear(c.latest)
	clear(c.troubles)
}

// Run consumes from b until ctx ends; then it finishes and acknowledges what
// is being committed, and returns. It refuses to start when Check fails.
func (in *Inbox) Run(ctx context.Context, b Broker) error {
	if err := in.Check(); err != nil {
		return err
	}
	in.mu.Lock()
	if in.running {
		in.mu.Unlock()
		return errors.New("inbox: it runs already; start it once")
	}
	in.broker, in.running = b, true
	in.mu.Unlock()
	defer func() {
		in.mu.Lock()
		in.running = false
		in.mu.Unlock()
	}()
	var work sync.WaitGroup
	errs := make(chan error, len(in.consumers))
	for _, c := range in.consumers {
		c.start(ctx) // before anybody can share with it
		work.Go(func() { errs <- c.run(ctx, b) })
	}
	work.Go(func() { in.attend(ctx, b) })
	work.Go(func() { in.housekeep(ctx) })
	work.Wait()
	close(errs)
	var err error
	for e := range errs {
		err = errors.Join(err, e)
	}
	return err
}
