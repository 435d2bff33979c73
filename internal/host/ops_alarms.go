package host

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// Alarm is something of this process that is not as it should be.
type Alarm struct {
	Alert string `json:"alert"` // whose runbook helps; named as in docker/observability
	Of    string `json:"of"`    // the module or part
	Says  string `json:"says"`
}

// alarms are the alerts that can be told from one look at the metrics, with
// their thresholds. Those about rates and changes need Prometheus.
var alarms = []struct {
	alert, metric string
	rings         func(value float64) bool
	says          string // of the value
}{
	{"PartBroken", "mallbots_part_up", func(v float64) bool { return v == 0 }, "it does not work"},
	{"ChangesRefused", "mallbots_changes_refused", func(v float64) bool { return v == 1 }, "it refuses changes"},
	{"OutboxStalled", "mallbots_outbox_age_seconds", func(v float64) bool { return v > 30 }, "the oldest event has waited %.0f s to be published"},
	{"OutboxGrowing", "mallbots_outbox_rows", func(v float64) bool { return v > 10_000 }, "%.0f events wait to be published"},
	{"ConsumerLagging", "mallbots_consumer_lag_messages", func(v float64) bool { return v > 1000 }, "%.0f messages are to be consumed"},
	{"DeadLetters", "mallbots_dead_letters", func(v float64) bool { return v > 0 }, "%.0f messages are set aside"},
	{"MessagesLost", "mallbots_lost_messages", func(v float64) bool { return v > 0 }, "its database has lost the state behind %.0f messages"},
	{"OrdersStuck", "mallbots_stuck_subjects", func(v float64) bool { return v > 0 }, "%.0f have not changed for long"},
	{"TimersOverdue", "mallbots_timers_overdue_seconds", func(v float64) bool { return v > 60 }, "a timer is %.0f s late"},
}

// alarmsNow tells what rings in this process.
func (p *process) alarmsNow(r *http.Request) (any, error) {
	own := prometheus.NewRegistry()
	own.MustRegister(look{p, r.Context()})
	families, err := prometheus.Gatherers{prometheus.DefaultGatherer, own}.Gather()
	if err != nil {
		return nil, fmt.Errorf("read the metrics: %w", err)
	}
	ringing := []Alarm{}
	for _, family := range families {
		for _, alarm := range alarms {
			if family.GetName() != alarm.metric {
				continue
			}
			for _, m := range family.GetMetric() {
				labels := map[string]string{}
				for _, pair := range m.GetLabel() {
					labels[pair.GetName()] = pair.GetValue()
				}
				value := m.GetGauge().GetValue()
				if !alarm.rings(value) || labels["module"] != "" && !p.runs(labels["module"]) {
					continue
				}
				a := Alarm{Alert: alarm.alert, Of: cmp.Or(labels["part"], labels["module"]), Says: alarm.says}
				if slices.Contains([]byte(alarm.says), '%') {
					a.Says = fmt.Sprintf(alarm.says, value)
				}
				if kind := labels["kind"]; kind != "" {
					a.Says = kind + " " + labels["state"] + ": " + a.Says
				}
				if source := labels["source"]; source != "" {
					a.Of += ", from " + source
				}
				ringing = append(ringing, a)
			}
		}
	}
	return map[string]any{"alarms": ringing}, nil
}

func (p *process) runs(module string) bool {
	return slices.ContainsFunc(p.services, func(s *Service) bool { return s.Name == module })
}
