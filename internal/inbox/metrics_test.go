package inbox

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
	basketsv1 "mallbots/proto/mallbots/baskets/v1"
)

func TestWhatNeverWentWrongIsZeroNotMissing(t *testing.T) {
	Ignore[*basketsv1.BasketStarted](New(databasetest.Open(t, database.SQLite, "calm", nil), slog.Default()))
	families, err := prometheus.DefaultGatherer.Gather()
	require.NoError(t, err)
	values := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			if strings.Contains(metric.String(), `"calm"`) {
				values[family.GetName()] = metric.GetCounter().GetValue()
			}
		}
	}
	require.Equal(t, map[string]float64{
		"mallbots_events_failed_total": 0, "mallbots_events_retried_total": 0, "mallbots_events_dead_lettered_total": 0,
		"mallbots_consumer_rewinds_total": 0, "mallbots_events_passed_total": 0,
	}, values)
}
