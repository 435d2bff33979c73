package ordering

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"mallbots/internal/broker/brokertest"
	"mallbots/internal/database/pgtest"
	"mallbots/internal/host"
	"mallbots/internal/host/hosttest"
	"mallbots/internal/secret"
	"mallbots/ordering/internal/fulfilment"
	depotv1 "mallbots/proto/mallbots/depot/v1"
)

// shortened is the patience with the depot in these tests.
const shortened = 3 * time.Second

// impatient is a mall whose ordering module has little patience. The baskets and
// the depot say what a test tells them to.
type impatient struct {
	*hosttest.Mall
	baskets, depot hosttest.Speaker
	customer       string
}

func newImpatient(t *testing.T, config host.Config) *impatient {
	t.Helper()
	config.Data, config.Log = t.TempDir(), hosttest.Log(t)
	m := &impatient{}
	m.Mall = hosttest.StartWith(t, config, host.Module{Name: "ordering", New: func(ctx context.Context, h *host.Host) error {
		return mount(ctx, h, shortened)
	}}, m.baskets.Module("baskets"), m.depot.Module("depot"))
	m.customer = m.OK(t, "POST", "/api/customers", map[string]any{"name": "Ada", "smsNumber": "+44 1"})["id"].(string)
	return m
}

// checkOut has a basket checked out and returns its id.
func (m *impatient) checkOut(t *testing.T) string {
	t.Helper()
	id := uuid.Must(uuid.NewV7()).String()
	m.baskets.Say(t, id, basket(id, m.customer))
	return id
}

// becomes waits until an order has a status, and returns the reason.
func (m *impatient) becomes(t *testing.T, id, status string) (reason string) {
	t.Helper()
	hosttest.Eventually(t, func() bool {
		r := m.Do(t, http.MethodGet, "/api/ordering/"+id, nil)
		o, _ := r.Body["order"].(map[string]any)
		reason, _ = o["reason"].(string)
		return o["status"] == "ORDER_STATUS_"+status
	}, "order %s does not become %s", id, status)
	return reason
}

// The depot's silence is a rejection only when everything here is well.
func TestOnlyADepotThatCouldHaveBeenHeardIsGivenUp(t *testing.T) {
	t.Parallel()
	m := newImpatient(t, host.Config{})
	id := m.checkOut(t)
	require.Equal(t, fulfilment.ReasonNoAnswer, m.becomes(t, id, "REJECTED"))
}

func TestABrokerThatIsAwayForLongRejectsNobody(t *testing.T) {
	t.Parallel()
	server := brokertest.NewExternal(t)
	m := newImpatient(t, host.Config{NATSURL: secret.Text(server.URL())})
	id := m.checkOut(t)
	m.becomes(t, id, "PENDING")
	server.Stop()
	m.depot.Say(t, id, &depotv1.StockReserved{OrderId: id}) // committed there, and not heard here
	away := time.NewTimer(4 * shortened)
	defer away.Stop()
	for gone := false; !gone; {
		select {
		case <-away.C:
			gone = true
		case <-time.After(50 * time.Millisecond):
		}
		o := m.OK(t, http.MethodGet, "/api/ordering/"+id, nil)["order"].(map[string]any)
		require.Equal(t, "ORDER_STATUS_PENDING", o["status"], "%s", o["reason"])
	}
	server.Start()
	m.becomes(t, id, "APPROVED")
}

func TestADatabaseThatIsAwayForLongRejectsNobody(t *testing.T) {
	t.Parallel()
	postgres, err := pgtest.Start(false)
	if errors.Is(err, pgtest.ErrNone) {
		t.Skip("NOT RUN: " + err.Error())
	}
	require.NoError(t, err)
	t.Cleanup(postgres.Stop)
	m := newImpatient(t, host.Config{DatabaseURL: secret.Text(pgtest.Create(t, postgres.DSN))})
	id := m.checkOut(t)
	m.becomes(t, id, "PENDING")
	require.NoError(t, postgres.Crash())
	away := time.NewTimer(4 * shortened)
	defer away.Stop()
	<-away.C
	require.NoError(t, postgres.Restart())
	hosttest.Eventually(t, func() bool { return m.Do(t, http.MethodGet, "/api/ordering/"+id, nil).Status == http.StatusOK })
	m.depot.Say(t, id, &depotv1.StockReserved{OrderId: id})
	m.becomes(t, id, "APPROVED")
}
