package simulation

import (
	"strconv"

	"mallbots/internal/broker"
)

// checkStream is I5 and I6 of the stream: it holds what the module published
// and nothing else, and each key's messages for the first time in their order.
func (w *World) checkStream(module string) {
	type published struct {
		key      string
		sequence int64
		payload  string
	}
	rows := map[string]published{}
	top := map[string]int64{}
	for _, row := range w.rows(module, `SELECT message_id, key, sequence, payload FROM outbox_sent ORDER BY key, sequence`) {
		p := published{text(row[1]), number(row[2]), text(row[3])}
		rows[text(row[0])] = p
		if top[p.key]++; p.sequence != top[p.key] {
			w.violated("I6: %s published sequence %d of %s, and not %d", module, p.sequence, p.key, top[p.key])
		}
	}
	seen := map[string]bool{}
	next := map[string]int64{}
	var messages []broker.Message
	if s := w.bus.stream(module); s != nil {
		messages = s.messages
	}
	for _, m := range messages {
		p, known := rows[m.ID]
		sequence, err := strconv.ParseInt(m.Header[broker.HeaderSequence], 10, 64)
		switch {
		case !known:
			w.violated("I5: message %d of %s was never published: %s", m.Sequence, module, m.Subject)
		case err != nil || p.payload != string(m.Data) || p.key != m.Header[broker.HeaderSubject] || p.sequence != sequence:
			w.violated("I5: message %d of %s is not what was published", m.Sequence, module)
		case seen[m.ID]:
			w.violated("I5: message %d of %s is there twice: sequence %d of %s", m.Sequence, module, p.sequence, p.key)
		default:
			seen[m.ID] = true
			if next[p.key]++; p.sequence != next[p.key] {
				w.violated("I6: message %d of %s is sequence %d of %s, and not %d", m.Sequence, module, p.sequence, p.key, next[p.key])
			}
		}
	}
	for id, p := range rows {
		if !seen[id] {
			w.violated("I5: the stream of %s misses sequence %d of %s", module, p.sequence, p.key)
		}
	}
}

// checkConsumer is I4 and I6 of a consumer: each message of the source was
// applied or ignored once, and each key's in their order.
func (w *World) checkConsumer(module, source string) {
	name := module + "_" + source
	type message struct {
		key      string
		sequence int64
		status   string
		effects  int
	}
	inbox := map[string]*message{}
	for _, row := range w.rows(module, `SELECT message_id, key, sequence, status FROM inbox WHERE consumer = '`+name+`'`) {
		inbox[text(row[0])] = &message{key: text(row[1]), sequence: number(row[2]), status: text(row[3])}
	}
	last := map[string]int64{}
	for _, row := range w.rows(module, `SELECT message_id FROM simulation_effects WHERE consumer = '`+name+`' ORDER BY id`) {
		m := inbox[text(row[0])]
		if m == nil {
			w.violated("I4: %s handled %s, and does not know of it", name, text(row[0]))
			continue
		}
		if m.effects++; m.effects > 1 {
			w.violated("I4: %s applied %s (sequence %d of %s) %d times", name, text(row[0]), m.sequence, m.key, m.effects)
		}
		if m.sequence <= last[m.key] {
			w.violated("I6: %s applied sequence %d of %s after %d", name, m.sequence, m.key, last[m.key])
		}
		last[m.key] = m.sequence
	}
	count := map[string]int64{}
	for _, m := range inbox {
		count[m.key]++
		switch {
		case m.status == "applied" && m.effects != 1:
			w.violated("I4: %s calls sequence %d of %s applied, and it was %d times", name, m.sequence, m.key, m.effects)
		case m.status == "ignored" && m.effects != 0:
			w.violated("I4: %s calls sequence %d of %s ignored, and it was applied", name, m.sequence, m.key)
		case m.status != "applied" && m.status != "ignored":
			w.violated("I4: %s calls sequence %d of %s %s", name, m.sequence, m.key, m.status)
		}
	}
	for _, row := range w.rows(source, `SELECT message_id, key, sequence, subject FROM outbox_sent ORDER BY key, sequence`) {
		if inbox[text(row[0])] == nil {
			w.violated("I4: %s never got sequence %d of %s: %s", name, number(row[2]), text(row[1]), text(row[3]))
		}
	}
	for _, row := range w.rows(module, `SELECT key, sequence, parked FROM inbox_keys WHERE consumer = '`+name+`'`) {
		if number(row[2]) != 0 || number(row[1]) != count[text(row[0])] {
			w.violated("I6: %s: the gate of %s is at %d, state %d, after %d messages", name, text(row[0]), number(row[1]), number(row[2]), count[text(row[0])])
		}
	}
}
