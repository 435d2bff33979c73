//go:build chaos

package chaos

import (
	"database/sql"
	"fmt"
	"path/filepath"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"
)

// hears is which module consumes from whom.
var hears = map[string][]string{
	"stores": nil, "baskets": {"stores", "ordering"}, "ordering": {"baskets", "depot"}, "depot": {"stores", "ordering"},
}

// books is one module's database, read from outside.
type books struct {
	m      *mall
	db     *sql.DB
	prefix string // of its tables
}

func (m *mall) open(module string) *books {
	m.t.Helper()
	b := &books{m: m}
	var err error
	if m.backend == external {
		b.prefix = module + "."
		b.db, err = sql.Open("pgx", m.pg.DSN)
	} else {
		b.db, err = sql.Open("sqlite", "file:"+filepath.Join(m.data, module+".db")+"?_pragma=busy_timeout(10000)")
	}
	require.NoError(m.t, err)
	return b
}

// rows hands each row of three columns, two texts and a number, to see.
func (b *books) rows(see func(first, second string, number int64), query string) {
	b.m.t.Helper()
	rows, err := b.db.Query(query)
	require.NoError(b.m.t, err, query)
	defer func() { require.NoError(b.m.t, rows.Close()) }()
	for rows.Next() {
		var first, second string
		var number int64
		require.NoError(b.m.t, rows.Scan(&first, &second, &number))
		see(first, second, number)
	}
	require.NoError(b.m.t, rows.Err())
}

func (b *books) close() { require.NoError(b.m.t, b.db.Close()) }

// place is a message's key, and its number among those of the key.
type place struct {
	key      string
	sequence int64
}

// count is what was found in the books of all modules.
type count struct {
	messages, deliveries, orders int // looked at
	lost, doubled, reordered     int
	examples                     []string
}

func (c *count) add(to *int, format string, args ...any) {
	*to++
	if len(c.examples) < 5 {
		c.examples = append(c.examples, fmt.Sprintf(format, args...))
	}
}

// count reads the books, all of them.
func (m *mall) count() count {
	m.t.Helper()
	var c count
	sent := map[string]map[string]place{} // by module and message id
	for module := range hears {
		sent[module] = m.countSent(module, &c)
	}
	for module, sources := range hears {
		b := m.open(module)
		for _, source := range sources {
			m.countReceived(b, module+"_"+source, sent[source], &c)
		}
		if len(sources) > 0 && m.binary == watched {
			m.countWitnessed(b, module, sent, &c)
		}
		b.close()
	}
	m.countOrders(&c)
	return c
}

// countSent reads what a module has published, which must lie in its stream in
// the order of each key.
func (m *mall) countSent(module string, c *count) map[string]place {
	b := m.open(module)
	defer b.close()
	sent := map[string]place{}
	latest := map[string]int64{}
	before := ""
	b.rows(func(id, key string, sequence int64) {
		epoch, key := key[:len(key)-36], key[len(key)-36:]
		if epoch != before {
			clear(latest)
			before = epoch
		}
		if sequence <= latest[key] {
			c.add(&c.reordered, "%s: %d after %d of %s in the stream", module, sequence, latest[key], key)
		}
		latest[key] = sequence
		sent[id] = place{key, sequence}
	}, `SELECT message_id, epoch || key, sequence FROM `+b.prefix+`outbox_sent ORDER BY epoch, stream_sequence`)
	b.rows(func(id, key string, sequence int64) {
		c.add(&c.lost, "%s: %d of %s was never published", module, sequence, key)
	}, `SELECT message_id, key, sequence FROM `+b.prefix+`outbox`)
	c.messages += len(sent)
	return sent
}

// countReceived reads what became of each message at one consumer.
func (m *mall) countReceived(b *books, consumer string, sent map[string]place, c *count) {
	latest := map[string]int64{}
	got := map[string]bool{}
	b.rows(func(id, status string, sequence int64) {
		p, ours := sent[id]
		if !ours || status == "parked" || status == "dead" {
			return
		}
		got[id] = true
		// Of two processes one may be paused between taking the time and writing it:
		// then the witnesses tell.
		if sequence <= latest[p.key] && m.other == nil {
			c.add(&c.reordered, "%s: %d after %d of %s", consumer, sequence, latest[p.key], p.key)
		}
		latest[p.key] = sequence
	}, `SELECT message_id, status, sequence FROM `+b.prefix+`inbox WHERE consumer = '`+consumer+`' ORDER BY received_at, sequence`)
	c.deliveries += len(sent)
	for id, p := range sent {
		if !got[id] && !m.known[p.key] {
			c.add(&c.lost, "%s: %d of %s never arrived", consumer, p.sequence, p.key)
		}
	}
}

// countWitnessed reads each call of a handler, in the order of the calls.
func (m *mall) countWitnessed(b *books, module string, sent map[string]map[string]place, c *count) {
	latest := map[place]int64{}
	seen := map[string]bool{}
	b.rows(func(consumer, id string, _ int64) {
		source := consumer[len(module)+1:]
		p, ours := sent[source][id]
		if !ours {
			return
		}
		at := place{consumer + " " + p.key, 0}
		switch {
		case seen[consumer+id]:
			c.add(&c.doubled, "%s: %d of %s was applied twice", consumer, p.sequence, p.key)
		case p.sequence <= latest[at]:
			c.add(&c.reordered, "%s: %d of %s was applied after %d", consumer, p.sequence, p.key, latest[at])
		}
		seen[consumer+id] = true
		latest[at] = max(latest[at], p.sequence)
	}, `SELECT consumer, message_id, id FROM `+b.prefix+`witness ORDER BY id`)
}

// countOrders compares what shoppers were promised with what there is, and
// looks for what must happen to an order only once.
func (m *mall) countOrders(c *count) {
	answered, unknown := m.promises()
	ordering := m.open("ordering")
	defer ordering.close()
	placed := map[string]int64{}
	ended := map[string]int64{}
	ordering.rows(func(id, name string, times int64) {
		switch name {
		case "Placed":
			placed[id] += times
		case "Rejected", "Completed", "Canceled":
			ended[id] += times
		}
		if times > 1 {
			c.add(&c.doubled, "order %s: %s %d times", id, name, times)
		}
	}, `SELECT aggregate_id, name, COUNT(*) FROM `+ordering.prefix+`events WHERE aggregate = 'order' GROUP BY aggregate_id, name`)
	for id, times := range ended {
		if times > 1 {
			c.add(&c.doubled, "order %s ended %d times", id, times)
		}
	}
	for id := range answered {
		if placed[id] == 0 {
			c.add(&c.lost, "check-out %s was answered and has no order", id)
		}
	}
	for id := range unknown {
		if !answered[id] {
			c.orders++
		}
	}
	c.orders += len(answered)
	depot := m.open("depot")
	defer depot.close()
	depot.rows(func(id, name string, times int64) {
		if times > 1 && name != "Assigned" {
			c.add(&c.doubled, "shopping list %s: %s %d times", id, name, times)
		}
	}, `SELECT aggregate_id, name, COUNT(*) FROM `+depot.prefix+`events WHERE aggregate = 'shopping_list' GROUP BY aggregate_id, name`)
}
