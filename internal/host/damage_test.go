package host_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/host"
	"mallbots/internal/host/hosttest"
)

// TestADamagedBrokerStoreIsFilledAgain damages the embedded broker's store, as
// it is found after a crash. What baskets consumes from it must be what the
// stores have said, once.
func TestADamagedBrokerStoreIsFilledAgain(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, store string){
		"deleted": func(t *testing.T, store string) { require.NoError(t, os.RemoveAll(store)) },
		"settings emptied": func(t *testing.T, store string) {
			require.NoError(t, os.WriteFile(filepath.Join(store, "$G", "streams", "MALLBOTS_STORES", "meta.inf"), nil, 0o600))
		},
		"torn": func(t *testing.T, store string) {
			blocks, err := filepath.Glob(filepath.Join(store, "$G", "streams", "MALLBOTS_STORES", "msgs", "*.blk"))
			require.NoError(t, err)
			require.NotEmpty(t, blocks)
			require.NoError(t, os.Truncate(blocks[len(blocks)-1], 100))
		},
	} {
		t.Run(name, func(t *testing.T) {
			data := t.TempDir()
			m := hosttest.StartWith(t, host.Config{Data: data, Log: hosttest.Log(t)}, all...)
			position := ""
			create := func() {
				r := m.Do(t, http.MethodPost, "/api/stores", `{"name":"Corner","location":"left"}`)
				require.Equal(t, http.StatusOK, r.Status, r.Text)
				position = r.Header.Get("Mallbots-Position")
			}
			for range 20 {
				create()
			}
			m.Audit(t)
			m.Stop(t)
			require.NoError(t, os.WriteFile(filepath.Join(data, "nats", "running"), nil, 0o600)) // it was not a clean stop
			damage(t, filepath.Join(data, "nats", "jetstream"))

			m.Restart(t)
			create()
			hosttest.Eventually(t, func() bool {
				r := m.Do(t, http.MethodGet, "/api/baskets/01890000-0000-7000-8000-000000000000", nil, "Mallbots-After", position)
				return r.Status == http.StatusNotFound // there is no such basket, and what the stores said is known
			}, "baskets does not hear of the stores")
			healthy(t, m)
			m.Audit(t)
		})
	}
}
