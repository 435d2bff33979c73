package host

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// Traffic is what passes between one module and the others, counted since the
// process started.
type Traffic struct {
	Module      string             `json:"module"`
	Published   map[string]float64 `json:"published"` // by type of event
	Hears       []Hearing          `json:"hears"`
	Lag         map[string]float64 `json:"lag"`         // messages to come, by source
	DeadLetters map[string]float64 `json:"deadLetters"` // by source, held ones included
	Outbox      float64            `json:"outbox"`      // messages that wait to be published
	OutboxAge   float64            `json:"outboxAge"`   // of the oldest, in seconds
}

// Hearing is what became of the events of one type that a module hears.
type Hearing struct {
	Source       string             `json:"source"`
	Type         string             `json:"type"` // "unknown" is all that the module does not know
	Handled      bool               `json:"handled"`
	Outcomes     map[string]float64 `json:"outcomes"` // applied, ignored, duplicate, parked
	Failed       float64            `json:"failed"`   // attempts
	DeadLettered float64            `json:"deadLettered"`
}

// traffic reads the counters of this process.
func (p *process) traffic(*http.Request) (any, error) {
	families, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		return nil, fmt.Errorf("read the counters: %w", err)
	}
	all := []Traffic{}
	for _, s := range p.here() {
		all = append(all, s.traffic(families))
	}
	return map[string]any{"traffic": all}, nil
}

func (s *Service) traffic(families []*dto.MetricFamily) Traffic {
	t := Traffic{Module: s.Name, Published: map[string]float64{}, Lag: map[string]float64{}, DeadLetters: map[string]float64{}}
	hears := map[[2]string]*Hearing{}
	hearing := func(labels map[string]string) *Hearing {
		of := [2]string{labels["source"], labels["type"]}
		if hears[of] == nil {
			hears[of] = &Hearing{Source: of[0], Type: of[1], Outcomes: map[string]float64{}}
		}
		return hears[of]
	}
	read := map[string]func(labels map[string]string, value float64){
		"mallbots_events_published_total":     func(l map[string]string, v float64) { t.Published[l["type"]] += v },
		"mallbots_events_consumed_total":      func(l map[string]string, v float64) { hearing(l).Outcomes[l["outcome"]] += v },
		"mallbots_events_failed_total":        func(l map[string]string, v float64) { hearing(l).Failed += v },
		"mallbots_events_dead_lettered_total": func(l map[string]string, v float64) { hearing(l).DeadLettered += v },
		"mallbots_consumer_lag_messages":      func(l map[string]string, v float64) { t.Lag[l["source"]] += v },
		"mallbots_dead_letters":               func(l map[string]string, v float64) { t.DeadLetters[l["source"]] += v },
		"mallbots_outbox_rows":                func(_ map[string]string, v float64) { t.Outbox += v },
		"mallbots_outbox_age_seconds":         func(_ map[string]string, v float64) { t.OutboxAge = max(t.OutboxAge, v) },
	}
	for _, family := range families {
		count, ours := read[family.GetName()]
		if !ours {
			continue
		}
		for _, m := range family.GetMetric() {
			labels := map[string]string{}
			for _, pair := range m.GetLabel() {
				labels[pair.GetName()] = pair.GetValue()
			}
			if labels["module"] == s.Name {
				count(labels, m.GetCounter().GetValue()+m.GetGauge().GetValue())
			}
		}
	}
	handled := s.Inbox.Hears()
	for _, of := range slices.SortedFunc(maps.Keys(hears), func(a, b [2]string) int {
		return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1]))
	}) {
		h := hears[of]
		h.Handled = handled[h.Type]
		t.Hears = append(t.Hears, *h)
	}
	return t
}
