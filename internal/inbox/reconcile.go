package inbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"mallbots/internal/broker"
	"mallbots/internal/database"
)

// rewinder is a broker that knows how far a consumer has acknowledged and can
// deliver again; *broker.Broker is one.
type rewinder interface {
	Floor(ctx context.Context, durable, module string) (broker.Floor, error)
	Read(ctx context.Context, module string, from uint64, max int) ([]broker.Message, error)
	Rewind(ctx context.Context, durable, module string, from uint64) error
}

// reconcileEvery is how often the database and the broker are compared.
const reconcileEvery = 2 * time.Second

// mark is what the last comparison has found, in memory.
type mark struct {
	incarnation string // of the database
	epoch       string // of the stream
	sequence    uint64 // the database knew all messages up to here
	doubtful    uint64 // what is acknowledged up to here may be unknown to the database
	known       bool   // there was a comparison
}

// reconcileAlways compares at the start and every two seconds, until ctx ends.
func (c *consumer) reconcileAlways(ctx context.Context, b rewinder) {
	tick := time.NewTicker(reconcileEvery)
	defer tick.Stop()
	for {
		if err := c.reconcile(ctx, b); err != nil && ctx.Err() == nil {
			c.in.log.DebugContext(ctx, "inbox: compare the database with the broker", "consumer", c.name, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// reconcile finds out whether the broker believes that more was acknowledged
// than the database knows of: it was restored to an earlier time, or its standby
// has taken over without the last transactions. What it does not know is then
// delivered again.
//
// A row says up to where everything was known when it was written. It is in the
// same database, so whatever time that was set back to, what the row says was
// true then. The messages between it and the broker's floor are looked at one by
// one, but only up to what was delivered by the time of a start, or when the
// database is not the one it was, or the stream has lost its end: other messages
// than those that were acknowledged may be in their places now. While all goes
// well the row simply follows.
//
// Of several processes the one that deals out does this; the others only learn how
// far all of them are.
func (c *consumer) reconcile(ctx context.Context, b rewinder) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	noted, err := c.noted(ctx, c.in.db)
	if err != nil {
		return err
	}
	incarnation := database.Incarnation(c.in.db)
	asked := time.Now()
	floor, err := b.Floor(ctx, c.name, c.source)
	if err != nil {
		return err
	}
	leads := database.CrewOf(c.in.db).Leads()
	if !leads {
		c.mark = mark{} // whoever leads compares; after that, compare anew
	}
	if floor.Epoch == "" || !leads { // without a stream, nothing was ever published
		c.mu.Lock()
		c.hearing.note(asked, floor)
		c.mu.Unlock()
		return nil
	}
	from := uint64(noted.sequence)
	if noted.epoch != floor.Epoch {
		from = 0
	}
	doubtful := c.mark.doubtful
	if c.replaced.Swap(false) || !c.mark.known || c.mark.incarnation != incarnation || c.mark.epoch != floor.Epoch || from < c.mark.sequence {
		doubtful = max(floor.Delivered, floor.Acknowledged)
	}
	if floor.Acknowledged > from && doubtful > from {
		missing, err := c.firstUnknown(ctx, b, from+1, floor.Acknowledged)
		if err != nil {
			return err
		}
		if missing > 0 {
			c.in.log.ErrorContext(ctx, "inbox: the broker has more acknowledged than the database knows, as after a restore to an earlier time: "+
				"what is missing is delivered again", "consumer", c.name, "acknowledged", floor.Acknowledged, "missing", missing)
			if err := b.Rewind(ctx, c.name, c.source, missing); err != nil {
				return err
			}
			c.mu.Lock()
			hangUp := c.hangUp
			c.mu.Unlock()
			if hangUp != nil { // else it would listen to the consumer that was deleted until that is missed
				hangUp()
			}
			floor.Acknowledged = missing - 1
			rewound.WithLabelValues(c.in.db.Module(), c.source).Inc()
		}
	}
	c.mark = mark{incarnation, floor.Epoch, floor.Acknowledged, doubtful, true}
	c.mu.Lock()
	c.hearing.note(asked, floor)
	c.mu.Unlock()
	if noted == (position{floor.Epoch, int64(floor.Acknowledged)}) {
		return nil
	}
	return c.in.db.InTx(ctx, func(tx database.Tx) error {
		now, err := c.noted(ctx, tx)
		if err != nil {
			return err
		}
		if now != noted || database.Incarnation(c.in.db) != incarnation {
			return errRestored // meanwhile; what was compared is history
		}
		_, err = tx.Exec(ctx, `INSERT INTO inbox_positions (consumer, epoch, sequence, noted_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (consumer) DO UPDATE SET epoch = excluded.epoch, sequence = excluded.sequence, noted_at = excluded.noted_at`,
			c.name, floor.Epoch, int64(floor.Acknowledged), database.Micros(time.Now()))
		return err
	})
}

// position is up to where a stream was consumed.
type position struct {
	epoch    string
	sequence int64
}

// noted is the position in the database; blank when there is none.
func (c *consumer) noted(ctx context.Context, q database.Querier) (position, error) {
	noted, err := database.One(ctx, q, func(row database.Row) (position, error) {
		var p position
		err := row.Scan(&p.epoch, &p.sequence)
		return p, err
	}, `SELECT epoch, sequence FROM inbox_positions WHERE consumer = $1`, c.name)
	if errors.Is(err, database.ErrNoRows) {
		return position{}, nil
	}
	return noted, err
}

// errRestored says that the database is not the one it was.
var errRestored = errors.New("inbox: the database was restored or replaced while it was compared")

// lookAt is how many messages are looked up together.
const lookAt = 100

// firstUnknown is the stream sequence of the first message, from one to another,
// that the database has neither applied nor set aside; 0 when it knows all.
func (c *consumer) firstUnknown(ctx context.Context, b rewinder, from, to uint64) (uint64, error) {
	for from <= to {
		page, err := b.Read(ctx, c.source, from, lookAt)
		if err != nil {
			return 0, err
		}
		if len(page) == 0 {
			return 0, nil
		}
		var asked []*message
		for _, delivered := range page {
			m := newMessage(c.source, delivered, silent{}, time.Now())
			if delivered.Sequence <= to && m.invalid == nil { // nobody could say of another whether it was discarded
				asked = append(asked, m)
			}
			from = delivered.Sequence + 1
		}
		known, err := c.knows(ctx, asked)
		if err != nil {
			return 0, err
		}
		for _, m := range asked {
			if !known(m) {
				return m.place.sequence, nil
			}
		}
	}
	return 0, nil
}

// knows asks which of some messages the database has dealt with: their gate has
// passed them, or they have a row of their own, as those that wait have.
func (c *consumer) knows(ctx context.Context, messages []*message) (func(*message) bool, error) {
	if len(messages) == 0 {
		return nil, nil
	}
	var holders []string
	keys, ids := []any{c.name}, []any{c.name}
	for i, m := range messages {
		holders = append(holders, fmt.Sprintf("$%d", i+2))
		keys, ids = append(keys, m.key), append(ids, m.id)
	}
	list := strings.Join(holders, ", ")
	passed := map[string]int64{}
	_, err := database.All(ctx, c.in.db, func(row database.Row) (struct{}, error) {
		var key string
		var sequence int64
		err := row.Scan(&key, &sequence)
		passed[key] = sequence
		return struct{}{}, err
	}, `SELECT key, sequence FROM inbox_keys WHERE consumer = $1 AND key IN (`+list+`)`, keys...)
	if err != nil {
		return nil, fmt.Errorf("inbox: look up gates: %w", err)
	}
	rows, err := database.All(ctx, c.in.db, database.Value[string],
		`SELECT message_id FROM inbox WHERE consumer = $1 AND message_id IN (`+list+`)`, ids...)
	if err != nil {
		return nil, fmt.Errorf("inbox: look up messages: %w", err)
	}
	noted := map[string]bool{}
	for _, id := range rows {
		noted[id] = true
	}
	return func(m *message) bool { return m.sequence <= passed[m.key] || noted[m.id] }, nil
}
