package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"mallbots/internal/host"
	"mallbots/internal/host/hosttest"
)

// observability is the document that lists the metrics.
var observability = filepath.Join("..", "..", "docs", "observability.md")

// family is a metric as it is exposed.
type family struct {
	name, kind, help string
	labels           map[string]bool
}

var (
	metricHelp  = regexp.MustCompile(`^# HELP (\S+) (.*)$`)
	metricType  = regexp.MustCompile(`^# TYPE (\S+) (\S+)$`)
	metricValue = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? \S+$`)
	metricLabel = regexp.MustCompile(`([a-z_]+)="`)
	metricRow   = regexp.MustCompile("(?m)^\\| `(\\S+)` \\| (\\S+) \\| (.*) \\| (.*) \\|$")
)

// TestMetricsAreAsDocumented freezes the names, types, labels and help of all
// metrics: it takes an order through a mall and compares what the mall exposes
// with the table of docs/observability.md. UPDATE_GOLDEN=1 writes the table.
func TestMetricsAreAsDocumented(t *testing.T) {
	mall := hosttest.StartWith(t, host.Config{Data: t.TempDir(), Log: hosttest.Log(t), StuckAfter: time.Nanosecond}, modules...)
	p := &process{url: mall.URL, ops: mall.OpsURL}
	order := checkOut(t, map[string]*process{"stores": p, "baskets": p, "ordering": p, "depot": p}, "")
	hosttest.Eventually(t, func() bool {
		return strings.Contains(mall.Do(t, "GET", "/api/ordering/"+order, nil).Text, "APPROVED")
	})
	mall.Settle(t)
	var found map[string]*family
	for begun := time.Now(); ; { // the gauges are refreshed every five seconds
		found = exposed(mall.Ops(t, "GET", "/metrics", nil).Text)
		if len(missing(found)) == 0 {
			break
		}
		require.Less(t, time.Since(begun), hosttest.Patience, "these are described and never exposed: %v", missing(found))
	}

	table := "| Metric | Type | Labels | What it is |\n|---|---|---|---|\n"
	for _, name := range slices.Sorted(maps.Keys(found)) {
		f := found[name]
		labels := slices.Sorted(maps.Keys(f.labels))
		for i := range labels {
			labels[i] = "`" + labels[i] + "`"
		}
		table += fmt.Sprintf("| `%s` | %s | %s | %s |\n", f.name, f.kind, strings.Join(labels, ", "), f.help)
		require.NotEmpty(t, f.help, name)
		require.Equal(t, f.kind == "counter", strings.HasSuffix(name, "_total"), "%s: counters, and they alone, end in _total", name)
		if f.kind == "histogram" {
			require.Regexp(t, `_(seconds|bytes)$`, name, "a histogram is named after its unit")
		}
	}
	text, err := os.ReadFile(observability)
	require.NoError(t, err)
	heading := "## Metrics"
	_, after, ok := strings.Cut(string(text), heading+"\n")
	require.True(t, ok)
	old := tableRows.FindString(after)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, os.WriteFile(observability, []byte(strings.Replace(string(text), old, table, 1)), 0o600))
		return
	}
	require.Equal(t, table, old, "dashboards and alerts of others rely on these; if it must change, write it with UPDATE_GOLDEN=1")
}

// exposed reads the metrics of our own from what a process exposes.
func exposed(text string) map[string]*family {
	found := map[string]*family{}
	var current *family
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if m := metricHelp.FindStringSubmatch(line); m != nil {
			current = &family{name: m[1], help: m[2], labels: map[string]bool{}}
			if strings.HasPrefix(m[1], "mallbots_") {
				found[m[1]] = current
			}
			continue
		}
		if m := metricType.FindStringSubmatch(line); m != nil {
			current.kind = m[2]
			continue
		}
		if m := metricValue.FindStringSubmatch(line); m != nil && current != nil {
			for _, label := range metricLabel.FindAllStringSubmatch(m[2], -1) {
				if label[1] != "le" {
					current.labels[label[1]] = true
				}
			}
		}
	}
	return found
}

// missing are the metrics that are registered and not exposed.
func missing(found map[string]*family) []string {
	registered, ok := prometheus.DefaultRegisterer.(prometheus.Collector)
	if !ok {
		return []string{"the registry cannot tell"}
	}
	descriptions := make(chan *prometheus.Desc, 1000)
	registered.Describe(descriptions)
	close(descriptions)
	var names []string
	for d := range descriptions {
		name := regexp.MustCompile(`fqName: "(mallbots_[^"]*)"`).FindStringSubmatch(d.String())
		if name != nil && found[name[1]] == nil {
			names = append(names, name[1])
		}
	}
	return names
}

// documented are the metrics of the table, with their type and labels.
func documented(t *testing.T) map[string]*family {
	t.Helper()
	text, err := os.ReadFile(observability)
	require.NoError(t, err)
	all := map[string]*family{}
	for _, row := range metricRow.FindAllStringSubmatch(string(text), -1) {
		f := &family{name: row[1], kind: row[2], labels: map[string]bool{}}
		for label := range strings.SplitSeq(strings.ReplaceAll(row[3], "`", ""), ", ") {
			f.labels[label] = true
		}
		all[f.name] = f
	}
	require.NotEmpty(t, all)
	return all
}
