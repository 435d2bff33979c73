package inbox

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"

	"mallbots/internal/broker"
	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
)

// with changes one header of a message.
func with(m broker.Message, name, value string) broker.Message {
	m.Header = maps.Clone(m.Header)
	m.Header[name] = value
	return m
}

// typed gives a message another type, on the subject that belongs to it.
func typed(m broker.Message, kind string) broker.Message {
	m = with(m, broker.HeaderType, kind)
	partition := m.Subject[strings.LastIndexByte(m.Subject, '.'):]
	m.Subject = kind + partition
	return m
}

// TestHostileMessagesEndAsNamedDeadLettersOrHaveNoEffect sends what nobody
// honest would: each ends as a dead letter of the cause that is named, or is
// ignored, or takes its ordinary effect, and the next key goes on.
func TestHostileMessagesEndAsNamedDeadLettersOrHaveNoEffect(t *testing.T) {
	cases := []struct {
		name    string
		message func(key string) broker.Message
		cause   string // of the dead letter; empty for none
		effects int    // on its key
		parks   bool
	}{
		{"forged source", func(k string) broker.Message {
			return typed(with(price(k, 1), broker.HeaderSource, "baskets"), "mallbots.baskets.v1.BasketCheckedOut")
		}, CauseInvalid, 0, false},
		{"forged id", func(k string) broker.Message { m := price(k, 1); m.ID = "another"; return m }, CauseInvalid, 0, false},
		{"forged key", func(k string) broker.Message { return with(price(k, 1), broker.HeaderSubject, k+"x") }, CauseInvalid, 0, false},
		{"no headers", func(k string) broker.Message { m := price(k, 1); m.Header = broker.Header{}; return m }, CauseInvalid, 0, false},
		{"a future version of the envelope", func(k string) broker.Message { return with(price(k, 1), broker.HeaderSpecVersion, "2.0") }, CauseInvalid, 0, false},
		{"a future content type", func(k string) broker.Message {
			return with(price(k, 1), broker.HeaderContentType, "application/avro")
		}, CauseInvalid, 0, false},
		{"sequence 0", func(k string) broker.Message { return with(price(k, 1), broker.HeaderSequence, "0") }, CauseInvalid, 0, false},
		{"sequence beyond numbers", func(k string) broker.Message {
			return with(price(k, 1), broker.HeaderSequence, "9"+strconv.FormatInt(math.MaxInt64, 10))
		}, CauseInvalid, 0, false},
		{"the last sequence there is", func(k string) broker.Message { return price(k, math.MaxInt64) }, CauseGap, 0, true},
		{"truncated", func(k string) broker.Message { m := price(k, 1); m.Data = m.Data[:len(m.Data)/2]; return m }, CauseUndecodable, 0, true},
		{"half a megabyte of nothing", func(k string) broker.Message {
			m := price(k, 1)
			m.Data = bytes.Repeat([]byte{0xff}, broker.MaxMessage)
			return m
		}, CauseUndecodable, 0, true},
		{"text that is not UTF-8", func(k string) broker.Message {
			m := price(k, 1)
			m.Data = protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), []byte{0xff, 0xfe})
			return m
		}, CauseUndecodable, 0, true},
		{"content of a version to come", func(k string) broker.Message {
			m := price(k, 1)
			m.Data = protowire.AppendVarint(protowire.AppendTag(m.Data, 1500, protowire.VarintType), 1)
			return m
		}, CauseUnknown, 0, true},
		{"a type of a version to come", func(k string) broker.Message { return typed(price(k, 1), "mallbots.stores.v2.ProductPriceChanged") }, "", 0, false},
		{"a type that nobody knows", func(k string) broker.Message { return typed(price(k, 1), "mallbots.stores.v1.StoreExploded") }, "", 0, false},
		{"a clock an hour ahead", func(k string) broker.Message {
			return with(price(k, 1), broker.HeaderTime, time.Now().Add(time.Hour).UTC().Format(time.RFC3339Nano))
		}, "", 1, false},
		{"a clock an hour behind", func(k string) broker.Message {
			return with(price(k, 1), broker.HeaderTime, time.Now().Add(-time.Hour).UTC().Format(time.RFC3339Nano))
		}, "", 1, false},
		{"a clock of another age", func(k string) broker.Message { return with(price(k, 1), broker.HeaderTime, "0001-01-02T00:00:00Z") }, "", 1, false},
	}
	onBoth(t, func(b *bench) {
		b.start()
		unknown := outcomes(b.t, "ignored", "unknown")
		for _, c := range cases {
			m := c.message(c.name)
			b.acked(b.deliver(m), b.deliver(m)) // replayed, too
			b.eventually(func() bool { return len(b.effectsOf(c.name)) == c.effects }, c.name)
			var causes []string
			for _, l := range b.letters("") {
				if l.MessageID == m.ID || l.Key == c.name || l.Key == c.name+"x" || l.Cause == CauseInvalid {
					causes = append(causes, l.Cause)
				}
			}
			if c.cause == "" {
				require.NotContains(b.t, causes, CauseUndecodable, c.name)
			} else {
				require.Contains(b.t, causes, c.cause, c.name)
			}
			state := b.gate(c.name).state
			require.Equal(b.t, c.parks, state == parked || state == gapped, "%s: the gate is %d", c.name, state)
			for _, l := range b.letters(c.cause) {
				if l.Key == c.name {
					require.NotEmpty(b.t, l.Error, "%s: it says why", c.name)
				}
			}
		}
		require.EqualValues(b.t, 2, outcomes(b.t, "ignored", "unknown")-unknown, "what nobody knows is counted")
		b.acked(b.deliver(price("honest", 1)))
		b.applied("honest", 1)
	})
}

// outcomes is how many messages of a type have had an outcome.
func outcomes(t testing.TB, outcome, kind string) float64 {
	t.Helper()
	return value(t, "mallbots_events_consumed_total", map[string]string{"module": "test", "source": "stores", "outcome": outcome, "type": kind})
}

// value is that of a counter or gauge, 0 when there is none with those labels.
func value(t testing.TB, name string, labels map[string]string) float64 {
	t.Helper()
	families, err := prometheus.DefaultGatherer.Gather()
	require.NoError(t, err)
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, metric := range family.GetMetric() {
			matches := 0
			for _, pair := range metric.GetLabel() {
				if labels[pair.GetName()] == pair.GetValue() {
					matches++
				}
			}
			if matches == len(labels) {
				return metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
			}
		}
	}
	return 0
}

func TestWhatWaitsForAnOperatorIsCounted(t *testing.T) {
	b := newBench(t, databasetest.Open(t, database.SQLite, "test", effects))
	b.start()
	broken := price("ada", 1)
	broken.Data = []byte{0xff}
	forged := price("bob", 1)
	forged.ID = "another"
	b.acked(b.deliver(broken), b.deliver(price("ada", 2)), b.deliver(price("ada", 3)), b.deliver(forged))
	b.in.gaugeLetters(t.Context())
	labels := map[string]string{"module": "test", "source": "stores"}
	require.EqualValues(t, 2, value(t, "mallbots_dead_letters", labels))
	require.EqualValues(t, 2, value(t, "mallbots_held_messages", labels))
	require.EqualValues(t, 1, value(t, "mallbots_parked_keys", labels), "a forgery keeps no key from going on")
	letter := b.letters(CauseUndecodable)[0]
	require.NoError(t, b.in.Discard(t.Context(), letter.ID, "test"))
	b.in.gaugeLetters(t.Context())
	require.EqualValues(t, 1, value(t, "mallbots_dead_letters", labels))
	require.Zero(t, value(t, "mallbots_held_messages", labels))
	require.Zero(t, value(t, "mallbots_parked_keys", labels))
}

// TestAFailedMessageIsOneLineThatSaysWhichAndWhy freezes the fields of that line.
func TestAFailedMessageIsOneLineThatSaysWhichAndWhy(t *testing.T) {
	out := &lines{}
	b := newBench(t, databasetest.Open(t, database.SQLite, "test", effects))
	b.in.log = slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{Level: slog.LevelInfo}))
	b.in = New(b.db, b.in.log) // so that its lines say whom they belong to
	On(b.in, b.onProductPriceChanged)
	b.c = b.in.consumers["stores"]
	b.start()
	broken := with(price("ada", 1), broker.HeaderTraceparent, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	broken.Data = []byte{0xff}
	b.acked(b.deliver(broken), b.deliver(price("bob", 1)))
	all := out.all(t)
	require.Len(t, all, 1)
	require.Equal(t, []string{
		"attempt", "consumer", "correlation_id", "error", "key", "level", "message", "msg", "sequence", "time", "trace_id", "type",
	}, slices.Sorted(maps.Keys(all[0])))
	require.Equal(t, "ERROR", all[0]["level"])
	require.Equal(t, "talk", all[0]["correlation_id"])
	require.Equal(t, "4bf92f3577b34da6a3ce929d0e0e4736", all[0]["trace_id"])
	require.Equal(t, "ada", all[0]["key"])
}

// lines keeps what is logged.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) all(t *testing.T) []map[string]any {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []map[string]any
	for line := range strings.Lines(l.text.String()) {
		var fields map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &fields))
		all = append(all, fields)
	}
	return all
}
