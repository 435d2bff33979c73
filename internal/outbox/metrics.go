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
	rowsWaiting = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Name: "mallbots_outbox_rows",
		Help: "Messages that wait to be published.",
	}, []string{"module"})
	oldestAge = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Name: "mallbots_outbox_age_seconds",
		Help: "How long the oldest message has been waiting to be published.",
	}, []string{"module"})
)
