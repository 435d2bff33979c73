package inbox

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

var (
	consumed = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "mallbots_events_consumed_total",
		Help: "Messages that were taken off a stream, by what became of them: applied, ignored, duplicate or parked.",
	}, []string{"module", "source", "type", "outcome"})
	failed = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "mallbots_events_failed_total",
		Help: "Attempts to apply a message that failed.",
	}, []string{"module", "source", "type"})
	retried = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "mallbots_events_retried_total",
		Help: "Failed attempts that are followed by another.",
	}, []string{"module", "source", "type"})
	deadLettered = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "mallbots_events_dead_lettered_total",
		Help: "Messages that became dead letters, gaps included.",
	}, []string{"module", "source", "type"})
	rewound = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "mallbots_consumer_rewinds_total",
		Help: "Times that messages were delivered again because the database had lost their effects.",
	}, []string{"module", "source"})
	passed = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "mallbots_events_passed_total",
		Help: "Messages that were dealt out to another replica.",
	}, []string{"module", "source"})
	replicas = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Name: "mallbots_replicas",
		Help: "Processes that share the module's work, as this one knows; 0 while it is not one of them.",
	}, []string{"module"})
	processing = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "mallbots_event_processing_seconds",
		Help:    "From the begin to the commit of the transaction a message was applied in.",
		Buckets: prometheus.ExponentialBuckets(0.0002, 2, 16),
	}, []string{"module", "source", "type"})
	lag = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Name: "mallbots_consumer_lag_messages",
		Help: "Messages of a source that the module has yet to acknowledge. Replicas report the same ones: take the maximum, not the sum.",
	}, []string{"module", "source"})
	letters = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Name: "mallbots_dead_letters",
		Help: "Messages that could not be applied and wait for an operator.",
	}, []string{"module", "source"})
	heldBack = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Name: "mallbots_held_messages",
		Help: "Messages that wait behind a dead letter of their key.",
	}, []string{"module", "source"})
	parkedKeys = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Name: "mallbots_parked_keys",
		Help: "Orders, baskets, products and the like that a dead letter keeps from going on.",
	}, []string{"module", "source"})
	delay = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "mallbots_event_delay_seconds",
		Help:    "From when an event was put into its module's outbox to the commit of its effects here.",
		Buckets: prometheus.ExponentialBuckets(0.001, 2, 18),
	}, []string{"module", "source"})
)

// exposeTrouble makes the counters of what should not happen start at zero, so
// that their first step can be seen.
func exposeTrouble(module, source, kind string) {
	for _, counter := range []*prometheus.CounterVec{failed, retried, deadLettered} {
		counter.WithLabelValues(module, source, kind)
	}
}

// labels are the module, the source and the type of m; types that this binary
// does not know share one label, because anybody could invent them.
func (c *consumer) labels(m *message) []string {
	kind := "unknown"
	if _, known := c.in.handlers[m.kind]; known {
		kind = m.kind
	}
	return []string{c.in.db.Module(), c.source, kind}
}

// count counts what became of m.
func (c *consumer) count(m *message, o outcome) {
	switch o {
	case applied, ignored, duplicate, held:
		consumed.WithLabelValues(append(c.labels(m), string(o))...).Inc()
	case dead, gap: // counted as dead letters where they are written
	}
}

// observe notes how long the transaction of some messages took, and how old
// they are.
func observe(c *consumer, messages []*message, took time.Duration) {
	now := time.Now()
	for _, m := range messages {
		processing.WithLabelValues(c.labels(m)...).Observe(took.Seconds())
		if m.invalid == nil {
			delay.WithLabelValues(c.in.db.Module(), c.source).Observe(max(0, now.Sub(m.published).Seconds())) // the other clock may be ahead
		}
	}
}

// report counts a failed attempt and logs it, without the payload. What should
// pass by itself is only worth a line when it does not, and then ever fewer.
func (c *consumer) report(ctx context.Context, m *message, f failure, final bool) {
	failed.WithLabelValues(c.labels(m)...).Inc()
	level, next := slog.LevelWarn, "it is tried again"
	switch {
	case final:
		deadLettered.WithLabelValues(c.labels(m)...).Inc()
		level, next = slog.LevelError, "it is a dead letter"
	case f.transient && (m.attempts < 4 || m.attempts&(m.attempts-1) != 0):
		level = slog.LevelDebug
	}
	if !final {
		retried.WithLabelValues(c.labels(m)...).Inc()
	}
	c.in.log.Log(c.about(ctx, m), level, "inbox: message failed, "+next, "consumer", c.name, "type", m.kind, "message", m.id,
		"key", m.key, "sequence", m.sequence, "attempt", m.attempts, "error", f.err)
}
