package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const observers = "../../docker/observability/"

// alert is one rule.
type alert struct {
	Alert       string
	Expr        string
	Labels      map[string]string
	Annotations map[string]string
}

func alerts(t *testing.T) []alert {
	t.Helper()
	var file struct{ Groups []struct{ Rules []alert } }
	readYAML(t, observers+"alerts.yaml", &file)
	require.Len(t, file.Groups, 1)
	return file.Groups[0].Rules
}

func readYAML(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, into), path)
}

// TestEveryAlertHasItsRunbookAndItsCase checks that alerts, runbooks and the
// cases of promtool belong together one by one.
func TestEveryAlertHasItsRunbookAndItsCase(t *testing.T) {
	var cases struct {
		Tests []struct {
			AlertRuleTest []struct {
				AlertName string `yaml:"alertname"`
				ExpAlerts []any  `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}
	readYAML(t, observers+"alerts_test.yaml", &cases)
	fires, silent := map[string]bool{}, map[string]bool{}
	for _, test := range cases.Tests {
		for _, c := range test.AlertRuleTest {
			if len(c.ExpAlerts) > 0 {
				fires[c.AlertName] = true
			} else {
				silent[c.AlertName] = true
			}
		}
	}
	var names []string
	for _, a := range alerts(t) {
		names = append(names, a.Alert)
		require.Contains(t, []string{"page", "ticket"}, a.Labels["severity"], a.Alert)
		require.NotEmpty(t, a.Annotations["summary"], a.Alert)
		require.Equal(t, "docs/runbooks/"+a.Alert+".md", a.Annotations["runbook"])
		require.True(t, fires[a.Alert], "no case of alerts_test.yaml fires %s", a.Alert)
		require.True(t, silent[a.Alert], "no case of alerts_test.yaml shows %s silent", a.Alert)
	}
	var runbooks []string
	files, err := filepath.Glob("../../docs/runbooks/*.md")
	require.NoError(t, err)
	for _, file := range files {
		runbooks = append(runbooks, strings.TrimSuffix(filepath.Base(file), ".md"))
	}
	require.ElementsMatch(t, names, runbooks, "one runbook for each alert")
	index := section2(t, observability, "## Alerts")
	for _, name := range names {
		require.Contains(t, index, "["+name+"](runbooks/"+name+".md)", "docs/observability.md lists every alert")
	}
}

// section2 is the part of a document below a heading.
func section2(t *testing.T, path, heading string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	_, after, ok := strings.Cut(string(text), "\n"+heading+"\n")
	require.True(t, ok, "%s has no %s", path, heading)
	part, _, _ := strings.Cut(after, "\n## ")
	return part
}

// commandOf finds the command lines of a runbook.
var commandOf = regexp.MustCompile("(?m)(?:^|`)mallbots ([a-z][^`\n]*)")

// TestRunbooksSayWhatCanBeDone checks that each has its five parts, and that
// this binary knows every command line in it.
func TestRunbooksSayWhatCanBeDone(t *testing.T) {
	files, err := filepath.Glob("../../docs/runbooks/*.md")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, heading := range []string{"## Meaning", "## What users see", "## Look", "## Mend", "## Verify"} {
			require.NotEmpty(t, strings.TrimSpace(section2(t, file, heading)), "%s: %s", file, heading)
		}
		lines := commandOf.FindAllStringSubmatch(string(text), -1)
		require.NotEmpty(t, lines, "%s names no command", file)
		for _, line := range lines {
			parser, err := mallbots().Parser()
			require.NoError(t, err)
			_, err = parser.Parse(strings.Fields(line[1]))
			require.NoError(t, err, "%s: mallbots %s", file, line[1])
		}
	}
}

var (
	metricName  = regexp.MustCompile(`\bmallbots_[a-z0-9_]+`)
	matcherName = regexp.MustCompile(`([a-z_]+)(?:=~|!~|!=|=)"`)
	byName      = regexp.MustCompile(`(?:by|ignoring|on|without) ?\(([^)]*)\)`)
)

// requireKnown requires that a query names metrics that exist, in the form their
// type has, and labels that one of them, or Prometheus, gives.
func requireKnown(t *testing.T, where, query string, known map[string]*family) {
	t.Helper()
	labels := map[string]bool{"instance": true, "job": true, "le": true}
	for _, name := range metricName.FindAllString(query, -1) {
		f := known[name]
		if f == nil {
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				if base, ok := strings.CutSuffix(name, suffix); ok && known[base] != nil && known[base].kind == "histogram" {
					f = known[base]
				}
			}
		} else {
			require.NotEqual(t, "histogram", f.kind, "%s: %s is a histogram: use _bucket, _sum or _count", where, name)
		}
		require.NotNil(t, f, "%s: there is no metric %s", where, name)
		for label := range f.labels {
			labels[label] = true
		}
	}
	var used []string
	for _, m := range matcherName.FindAllStringSubmatch(query, -1) {
		used = append(used, m[1])
	}
	for _, m := range byName.FindAllStringSubmatch(query, -1) {
		for label := range strings.SplitSeq(m[1], ",") {
			used = append(used, strings.TrimSpace(label))
		}
	}
	for _, label := range used {
		require.True(t, labels[label], "%s: no metric of the query has the label %s: %s", where, label, query)
	}
}

// TestQueriesNameMetricsThatExist checks every query of the alerts and of the
// dashboard against the table of metrics, and that the dashboard shows them all.
func TestQueriesNameMetricsThatExist(t *testing.T) {
	known := documented(t)
	for _, a := range alerts(t) {
		require.True(t, metricName.MatchString(a.Expr) || a.Expr == `up{job="mallbots"} == 0`, a.Alert)
		requireKnown(t, a.Alert, a.Expr, known)
	}
	data, err := os.ReadFile(observers + "grafana/mallbots.json")
	require.NoError(t, err)
	var dashboard struct {
		Panels []struct {
			ID      int
			Title   string
			Type    string
			Targets []struct{ Expr, LegendFormat string }
		}
		Templating struct {
			List []struct{ Query struct{ Query string } }
		}
	}
	require.NoError(t, json.Unmarshal(data, &dashboard))
	shown := string(data)
	var ids []int
	for _, p := range dashboard.Panels {
		require.NotContains(t, ids, p.ID, "panels of the same id")
		ids = append(ids, p.ID)
		require.True(t, p.Type == "row" || len(p.Targets) > 0, "%s shows nothing", p.Title)
		for _, target := range p.Targets {
			requireKnown(t, "dashboard: "+p.Title, strings.ReplaceAll(target.Expr, "$__rate_interval", "5m"), known)
		}
	}
	for _, variable := range dashboard.Templating.List {
		for _, name := range metricName.FindAllString(variable.Query.Query, -1) {
			require.Contains(t, known, name)
		}
	}
	for name := range known {
		require.Contains(t, shown, name, "the dashboard does not show %s", name)
	}
}

// TestAlertsFireAsTheirCasesSay runs promtool, which CI installs.
func TestAlertsFireAsTheirCasesSay(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		require.NotEqual(t, "true", os.Getenv("CI"), "promtool is part of Debian's package prometheus")
		t.Skip("NOT RUN: promtool, of Debian's package prometheus, is not here")
	}
	for _, args := range [][]string{{"check", "rules", "alerts.yaml"}, {"test", "rules", "alerts_test.yaml"}} {
		cmd := exec.CommandContext(t.Context(), promtool, args...)
		cmd.Dir = observers
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
}

// TestTheObserversAreWiredUp checks the compose file of Prometheus, Grafana and
// Jaeger: pinned images, nothing open to the network, files that are there.
func TestTheObserversAreWiredUp(t *testing.T) {
	type file struct {
		Services map[string]struct {
			Image       string
			Ports       []string
			Volumes     []string
			Environment map[string]string
			DependsOn   any      `yaml:"depends_on"`
			CapDrop     []string `yaml:"cap_drop"`
		}
		Volumes map[string]any
	}
	var base, more file
	readYAML(t, "../../docker/compose.yaml", &base)
	readYAML(t, observers+"compose.yaml", &more)
	for name, s := range more.Services {
		if _, ours := base.Services[name]; !ours {
			require.Regexp(t, `:v?\d+\.\d+\.\d+$`, s.Image, "%s: the image is not pinned", name)
			require.Equal(t, []string{"ALL"}, s.CapDrop, name)
		}
		for _, port := range s.Ports {
			require.True(t, strings.HasPrefix(port, "127.0.0.1:"), "%s opens %s to the network", name, port)
		}
		for _, volume := range s.Volumes {
			source, _, _ := strings.Cut(volume, ":")
			if strings.HasPrefix(source, "./") {
				require.FileExists(t, filepath.Join("../../docker", source), "paths are relative to the first file's folder")
			} else {
				require.Contains(t, more.Volumes, source)
			}
		}
		if list, ok := s.DependsOn.([]any); ok {
			for _, other := range list {
				_, here := more.Services[other.(string)]
				require.True(t, here, "%s depends on %s", name, other)
			}
		}
		for variable := range s.Environment {
			known := slices.ContainsFunc([]string{"OTEL_", "GF_"}, func(prefix string) bool { return strings.HasPrefix(variable, prefix) })
			require.True(t, known, "%s sets %s, which nobody reads", name, variable)
		}
	}
	for _, path := range []string{"prometheus.yaml", "grafana/datasources.yaml", "grafana/dashboards.yaml"} {
		var anything map[string]any
		readYAML(t, observers+path, &anything)
		require.NotEmpty(t, anything)
	}
}
