package outbox

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"mallbots/internal/broker/brokertest"
	"mallbots/internal/cause"
	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
	"mallbots/internal/tracing"
	"mallbots/internal/tracing/tracingtest"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

// value is that of a metric of the module stores; the count of a histogram.
func value(t *testing.T, name string) float64 {
	t.Helper()
	families, err := prometheus.DefaultGatherer.Gather()
	require.NoError(t, err)
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			if family.GetName() == name && metric.GetLabel()[0].GetValue() == "stores" {
				return metric.GetCounter().GetValue() + metric.GetGauge().GetValue() + float64(metric.GetHistogram().GetSampleCount())
			}
		}
	}
	return 0
}

func TestTheLeaderAndTheWaitAreMeasured(t *testing.T) {
	receiver := tracingtest.Start(t)
	tracer, err := tracing.Open(t.Context(), "test", slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	db := databasetest.Open(t, database.SQLite, "stores", nil)
	b := brokertest.Embedded(t)
	changes, waits := value(t, "mallbots_relay_leadership_changes_total"), value(t, "mallbots_outbox_wait_seconds")
	ctx, span := tracer.Process(cause.With(t.Context(), cause.Cause{CorrelationID: "c1"}), tracing.Message{Type: "test"}, "test", 0, "")
	require.NoError(t, db.InTx(ctx, func(tx database.Tx) error {
		return Publish(ctx, tx, "s1", proto.Message(&storesv1.StoreRebranded{Name: "Teas"}))
	}))
	tracing.End(span, nil)
	r := NewRelay(db, b.Stream("stores"), slog.New(slog.DiscardHandler), Trace(tracer))
	require.Zero(t, value(t, "mallbots_relay_leader"))

	running, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(running) }()
	require.Eventually(t, func() bool { return value(t, "mallbots_outbox_wait_seconds") == waits+1 }, long, time.Millisecond)
	require.EqualValues(t, 1, value(t, "mallbots_relay_leader"))
	require.EqualValues(t, changes+1, value(t, "mallbots_relay_leadership_changes_total"))
	stop()
	require.NoError(t, <-done)
	require.Zero(t, value(t, "mallbots_relay_leader"))
	require.EqualValues(t, changes+2, value(t, "mallbots_relay_leadership_changes_total"))

	require.NoError(t, tracer.Close(t.Context()))
	var names []string
	for _, s := range receiver.Spans("") {
		names = append(names, s.Name)
	}
	require.ElementsMatch(t, []string{"process test", "create mallbots.stores.v1.StoreRebranded", "wait in the outbox", "send MALLBOTS_STORES"}, names)
}
