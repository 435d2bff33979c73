package inbox

import (
	"context"
	"errors"
	"sync"
	"time"

	"mallbots/internal/broker"
	"mallbots/internal/database"
)

// sharer is a broker by which processes hand deliveries on to each other;
// *broker.Broker is one.
type sharer interface {
	Share(durable string, colleague int64, d *broker.Delivery) error
	Shared(ctx context.Context, durable string, self int64, ready func(), deliver func(*broker.Delivery))
}

// attend makes this process one of those that share the module's work, until ctx
// ends. Without a connection to the broker it steps back, so that another deals out.
func (in *Inbox) attend(ctx context.Context, b Broker) {
	stop := func() {}
	var receiving sync.WaitGroup
	defer receiving.Wait()
	defer func() { stop() }()
	fit := func() error {
		if c, can := b.(interface{ Connected() bool }); can && !c.Connected() {
			return errors.New("there is no connection to the broker")
		}
		return nil
	}
	database.Attend(ctx, in.db, fit, func(self int64) {
		stop()
		var listening context.Context
		listening, stop = context.WithCancel(ctx)
		s, can := b.(sharer)
		if !can || in.db.Dialect() == database.SQLite {
			return
		}
		var known sync.WaitGroup // to the server
		for _, c := range in.consumers {
			known.Add(1)
			receiving.Go(func() {
				s.Shared(listening, c.name, self, known.Done, func(d *broker.Delivery) { c.receive(ctx, d.Message, d) })
			})
		}
		known.Wait()
	})
}

// listen subscribes whenever this process is the one of its crew that deals out,
// until ctx ends or a subscription fails for good.
func (c *consumer) listen(ctx context.Context, b Broker) error {
	changed, stop := c.in.db.Listen(database.TopicCrew)
	defer stop()
	for ctx.Err() == nil {
		if !database.CrewOf(c.in.db).Leads() {
			select {
			case <-ctx.Done():
			case <-changed:
			}
			continue
		}
		listening, hangUp := context.WithCancel(ctx)
		c.mu.Lock()
		c.hangUp = hangUp
		c.mu.Unlock()
		c.work.Go(func() { c.watch(listening, b, hangUp) })
		c.work.Go(func() { c.abdicate(listening, hangUp) })
		err := b.Subscribe(listening, c.name, c.source, func(d *broker.Delivery) { c.deal(ctx, b, d) })
		hangUp()
		if err != nil {
			return err
		}
	}
	return nil
}

// abdicate hangs up when another process leads.
func (c *consumer) abdicate(ctx context.Context, hangUp func()) {
	changed, stop := c.in.db.Listen(database.TopicCrew)
	defer stop()
	for database.CrewOf(c.in.db).Leads() {
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
	hangUp()
}

// deal hands a delivery to the process that works on its key, most often this
// one.
func (c *consumer) deal(ctx context.Context, b Broker, d *broker.Delivery) {
	colleague := c.colleague(d)
	if colleague == 0 {
		c.receive(ctx, d.Message, d)
		return
	}
	s, can := b.(sharer)
	if !can || s.Share(c.name, colleague, d) != nil {
		c.receive(ctx, d.Message, d)
		return
	}
	passed.WithLabelValues(c.in.db.Module(), c.source).Inc()
	c.mu.Lock()
	c.heard = time.Now()
	c.mu.Unlock()
}

// colleague is the other process that works on the key of a delivery, 0 when it
// is this one. What comes again is worked on here: whoever had it has not said
// for some time that it still does.
func (c *consumer) colleague(d *broker.Delivery) int64 {
	crew := database.CrewOf(c.in.db)
	if len(crew.Members) < 2 || d.Redelivered > 0 {
		return 0
	}
	partition, ok := d.Partition()
	if !ok {
		return 0
	}
	if owner := crew.Owner(partition, broker.Partitions); owner != crew.Self {
		return owner
	}
	return 0
}
