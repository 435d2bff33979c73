package outbox

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

var (
	published = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "mallbots_events_published_total",
		Help: "Messages that the broker has acknowledged.",
	}, []string{"module", "type"})
	publishErrors = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "mallbots_publish_errors_total",
		Help: "Interruptions of the relay, by cause.",
	}, []string{"module", "cause"})
	foreign = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "mallbots_foreign_messages_total",
		Help: "Messages found in the module's stream that its outbox never had.",
	}, []string{"module"})
	waited = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "mallbots_outbox_wait_seconds",
		Help:    "How long messages waited to be published: until the broker acknowledged them.",
		Buckets: prometheus.ExponentialBuckets(0.0005, 2, 18),
	}, []string{"module"})
	leading = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Name: "mallbots_relay_leader",
		Help: "Whether this process publishes the module's messages: 1, or 0 while it stands by.",
	}, []string{"module"})
	leaderships = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "mallbots_relay_leadership_changes_total",
		Help: "How often this process began or ceased to publish the module's messages.",
	}, []string{"module"})
	rowsWaiting = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Name: "mallbots_outbox_rows",
		Help: "Messages that wait to be published.",
	}, []string{"module"})
	oldestAge = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Name: "mallbots_outbox_age_seconds",
		Help: "How long the oldest message has been waiting to be published.",
	}, []string{"module"})
)

// causes are what interrupts a relay, in one word each; see reason.
var causes = []string{"stale", "duplicate", "no_answer", "no_stream", "other"}

// exposeTrouble makes the counters of what should not happen start at zero, so
// that their first step can be seen.
func exposeTrouble(module string) {
	for _, cause := range causes {
		publishErrors.WithLabelValues(module, cause)
	}
	foreign.WithLabelValues(module)
	leading.WithLabelValues(module)
	leaderships.WithLabelValues(module)
}

// leads notes that this process publishes, or does so no more.
func (r *Relay) leads(now float64) {
	leading.WithLabelValues(r.db.Module()).Set(now)
	leaderships.WithLabelValues(r.db.Module()).Inc()
}
