package host_test

import (
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/host"
	"mallbots/internal/host/hosttest"
	"mallbots/internal/secret"
)

func TestAFullOutboxRefusesChangesAndLosesNothing(t *testing.T) {
	broker := startBroker(t, 0, t.TempDir())
	m := hosttest.StartWith(t, host.Config{Data: t.TempDir(), NATSURL: secret.Text(broker.ClientURL()), OutboxLimit: 20, Log: hosttest.Log(t)}, all...)
	healthy(t, m)
	port, store := broker.Addr().(*net.TCPAddr).Port, broker.JetStreamConfig().StoreDir
	broker.Shutdown()
	broker.WaitForShutdown()

	taken := map[string]bool{}
	hosttest.Eventually(t, func() bool {
		r := m.Do(t, http.MethodPost, "/api/stores", fmt.Sprintf(`{"name":"Shop %d","location":"left"}`, len(taken)))
		if r.Status == http.StatusOK {
			id, _ := r.Body["id"].(string)
			taken[id] = true
			return false
		}
		require.Equal(t, http.StatusServiceUnavailable, r.Status, r.Text)
		require.Equal(t, "OUTBOX_FULL", r.Body["code"], r.Text)
		return true
	})
	require.GreaterOrEqual(t, len(taken), 20)
	require.Equal(t, http.StatusOK, m.Do(t, http.MethodGet, "/api/stores", nil).Status, "reads go on")
	require.Equal(t, http.StatusOK, m.Do(t, http.MethodPost, "/api/customers", `{"name":"Ann","smsNumber":"+1 555 0100"}`).Status, "another module has room")
	hosttest.Eventually(t, func() bool {
		ok, detail, status := part(t, m, "stores.outbox")
		return !ok && status == http.StatusServiceUnavailable && detail != ""
	})

	startBroker(t, port, filepath.Dir(store))
	hosttest.Eventually(t, func() bool {
		return m.Do(t, http.MethodPost, "/api/stores", `{"name":"Late","location":"left"}`).Status == http.StatusOK
	})
	healthy(t, m)
	m.Audit(t)
	for id := range taken {
		require.Equal(t, http.StatusOK, m.Do(t, http.MethodGet, "/api/stores/"+id, nil).Status, "what was taken is there")
	}
}

func TestADiskThatIsAlmostFullRefusesChanges(t *testing.T) {
	m := hosttest.StartWith(t, host.Config{Data: t.TempDir(), FreeDisk: 1 << 60, Log: hosttest.Log(t)}, all[0])
	hosttest.Eventually(t, func() bool {
		r := m.Do(t, http.MethodPost, "/api/stores", `{"name":"Corner","location":"left"}`)
		return r.Status == http.StatusServiceUnavailable && r.Body["code"] == "DISK_ALMOST_FULL"
	})
	require.Equal(t, http.StatusOK, m.Do(t, http.MethodGet, "/api/stores", nil).Status)
	m.Audit(t)
}
