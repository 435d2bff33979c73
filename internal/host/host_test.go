package host_test

import (
	"context"
	"database/sql"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"

	"mallbots/baskets"
	"mallbots/depot"
	"mallbots/internal/freeport"
	"mallbots/internal/host"
	"mallbots/internal/host/hosttest"
	"mallbots/internal/secret"
	"mallbots/ordering"
	"mallbots/stores"
)

var all = []host.Module{
	{Name: "stores", New: stores.New},
	{Name: "baskets", New: baskets.New},
	{Name: "ordering", New: ordering.New},
	{Name: "depot", New: depot.New},
}

// refused runs a process that must not start, and returns why.
func refused(t *testing.T, config host.Config, modules ...host.Module) error {
	t.Helper()
	config.HTTP, config.Ops, config.Log = "127.0.0.1:0", "127.0.0.1:0", hosttest.Log(t)
	ctx, cancel := context.WithTimeout(t.Context(), hosttest.Patience)
	defer cancel()
	err := host.Run(ctx, config, modules, func(host.Addresses) { t.Error("it got ready"); cancel() })
	require.Error(t, err)
	return err
}

// part returns what readiness says of a part, and the status of the whole.
func part(t *testing.T, m *hosttest.Mall, name string) (ok bool, detail string, status int) {
	t.Helper()
	r := m.Ops(t, http.MethodGet, "/readyz", nil)
	parts, _ := r.Body["parts"].([]any)
	for _, p := range parts {
		p, _ := p.(map[string]any)
		if p["name"] == name {
			ok, _ = p["ok"].(bool)
			detail, _ = p["detail"].(string)
			return ok, detail, r.Status
		}
	}
	require.Fail(t, "readiness names no such part", name)
	return false, "", 0
}

func healthy(t *testing.T, m *hosttest.Mall) {
	t.Helper()
	hosttest.Eventually(t, func() bool { return m.Ops(t, http.MethodGet, "/readyz", nil).Status == http.StatusOK })
}

func TestAReadyProcessNamesEveryPart(t *testing.T) {
	m := hosttest.Start(t, all...)
	healthy(t, m)
	for _, module := range []string{"stores", "baskets", "ordering", "depot"} {
		for _, p := range []string{"database", "relay", "consumer", "timers"} {
			ok, detail, _ := part(t, m, module+"."+p)
			require.True(t, ok, "%s.%s: %s", module, p, detail)
		}
	}
	ok, _, _ := part(t, m, "broker")
	require.True(t, ok)
	require.Equal(t, http.StatusOK, m.Ops(t, http.MethodGet, "/healthz", nil).Status)
}

func TestEverySubsetOfTheModulesBoots(t *testing.T) {
	for set := 1; set < 1<<len(all); set++ {
		var chosen []host.Module
		var name []string
		for i, m := range all {
			if set&(1<<i) != 0 {
				chosen, name = append(chosen, m), append(name, m.Name)
			}
		}
		t.Run(strings.Join(name, ","), func(t *testing.T) {
			m := hosttest.StartWith(t, host.Config{Data: t.TempDir(), Log: hosttest.Log(t)}, chosen...)
			healthy(t, m)
			m.Audit(t)
		})
	}
}

func TestAnAPIThatIsNotHereSaysSo(t *testing.T) {
	m := hosttest.Start(t, all[0])
	r := m.Do(t, http.MethodGet, "/api/ordering", nil)
	require.Equal(t, http.StatusNotFound, r.Status)
	require.Contains(t, r.Header.Get("Content-Type"), "application/problem+json")
	require.Contains(t, r.Text, "ordering")
	require.Contains(t, r.Text, "stores", "what it does run")
}

func TestReadinessNamesAStoreThatIsGone(t *testing.T) {
	data := t.TempDir()
	m := hosttest.StartWith(t, host.Config{Data: data, Log: hosttest.Log(t)}, all[0])
	healthy(t, m)
	file := filepath.Join(data, "stores.db")
	require.NoError(t, os.Rename(file, file+".away"))
	hosttest.Eventually(t, func() bool {
		ok, _, status := part(t, m, "stores.database")
		return !ok && status == http.StatusServiceUnavailable
	})
	require.NoError(t, os.Rename(file+".away", file))
	healthy(t, m)
}

func TestReadinessNamesABrokenSchema(t *testing.T) {
	dsn := t.TempDir()
	m := hosttest.StartWith(t, host.Config{Data: dsn, Log: hosttest.Log(t)}, all[0])
	healthy(t, m)
	damage(t, dsn, `ALTER TABLE outbox RENAME TO outbox_away`)
	hosttest.Eventually(t, func() bool {
		ok, detail, status := part(t, m, "stores.relay")
		return !ok && status == http.StatusServiceUnavailable && strings.Contains(detail, "outbox")
	})
	damage(t, dsn, `ALTER TABLE outbox_away RENAME TO outbox`)
	healthy(t, m)
}

func TestReadinessNamesTheBrokerRelayAndConsumersAndTheyHeal(t *testing.T) {
	broker := startBroker(t, 0, t.TempDir())
	m := hosttest.StartWith(t, host.Config{Data: t.TempDir(), NATSURL: secret.Text(broker.ClientURL()), Log: hosttest.Log(t)}, all...)
	healthy(t, m)
	port := broker.Addr().(*net.TCPAddr).Port
	store := broker.JetStreamConfig().StoreDir
	broker.Shutdown()
	broker.WaitForShutdown()
	hosttest.Eventually(t, func() bool {
		ok, _, status := part(t, m, "broker")
		return !ok && status == http.StatusServiceUnavailable
	})
	// The API goes on: what it publishes waits in the outbox.
	r := m.Do(t, http.MethodPost, "/api/stores", `{"name":"Corner","location":"left"}`)
	require.Equal(t, http.StatusOK, r.Status, r.Text)
	hosttest.Eventually(t, func() bool {
		ok, _, _ := part(t, m, "stores.relay")
		return !ok
	}, "a relay that cannot publish is named")

	best := hosttest.Patience
	for round := 0; round < 4 && best >= 5*time.Second; round++ { // while the machine is busy it takes longer
		if round > 0 {
			broker.Shutdown()
			broker.WaitForShutdown()
			hosttest.Eventually(t, func() bool { ok, _, _ := part(t, m, "broker"); return !ok })
		}
		broker = startBroker(t, port, filepath.Dir(store))
		back := time.Now()
		healthy(t, m)
		best = min(best, time.Since(back))
	}
	require.Less(t, best, 5*time.Second)
	m.Audit(t)
}

func TestAnUnreachableDatabaseIsWaitedFor(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ops := freeport.Address(t)
	api := freeport.Address(t)
	done := make(chan error, 1)
	go func() {
		done <- host.Run(ctx, host.Config{
			HTTP: api, Ops: ops, Data: t.TempDir(), Log: hosttest.Log(t),
			DatabaseURL: secret.Text("postgres://mallbots:hunter2@" + freeport.Address(t) + "/mallbots"),
		}, all[:1], func(host.Addresses) { t.Error("it got ready without a database") })
	}()
	var text string
	hosttest.Eventually(t, func() bool {
		r, err := http.Get("http://" + ops + "/readyz")
		if err != nil {
			return false
		}
		defer func() { _ = r.Body.Close() }()
		data := make([]byte, 8<<10)
		n, _ := r.Body.Read(data)
		text = string(data[:n])
		return r.StatusCode == http.StatusServiceUnavailable && strings.Contains(text, "stores.database")
	})
	require.NotContains(t, text, "hunter2")
	r, err := http.Get("http://" + api + "/api/stores")
	require.NoError(t, err)
	require.NoError(t, r.Body.Close())
	require.Equal(t, http.StatusServiceUnavailable, r.StatusCode)
	cancel()
	require.NoError(t, <-done, "it stops when told to")
}

func TestADataDirectoryHasOneOwner(t *testing.T) {
	data := t.TempDir()
	hosttest.StartWith(t, host.Config{Data: data, Log: hosttest.Log(t)}, all[0])
	err := refused(t, host.Config{Data: data}, all[0])
	require.ErrorContains(t, err, "is held by process")
}

func TestANewerSchemaIsRefused(t *testing.T) {
	data := t.TempDir()
	m := hosttest.StartWith(t, host.Config{Data: data, Log: hosttest.Log(t)}, all[0])
	m.Stop(t)
	damage(t, data, `INSERT INTO goose_module (version_id, is_applied) VALUES (9999, 1)`)
	err := refused(t, host.Config{Data: data}, all[0])
	require.ErrorContains(t, err, "9999")
}

func TestBadConfigurationIsRefused(t *testing.T) {
	require.ErrorContains(t, refused(t, host.Config{Data: t.TempDir(), Modules: []string{"kiosk"}}, all...), `no module "kiosk"`)
	require.ErrorContains(t, refused(t, host.Config{Data: t.TempDir(), Modules: []string{"stores", "stores"}}, all...), "named twice")
	require.ErrorContains(t, refused(t, host.Config{Data: t.TempDir(), Currency: "dollars"}, all...), "three capitals")
}

func TestWhatWasTakenInIsThereAfterARestart(t *testing.T) {
	m := hosttest.Start(t, all...)
	r := m.Do(t, http.MethodPost, "/api/stores", `{"name":"Corner","location":"left"}`)
	require.Equal(t, http.StatusOK, r.Status, r.Text)
	id, _ := r.Body["id"].(string)
	m.Restart(t)
	require.Equal(t, http.StatusOK, m.Do(t, http.MethodGet, "/api/stores/"+id, nil).Status)
	m.Audit(t)
}

func TestRebuildingAnswersWhatItRebuilt(t *testing.T) {
	m := hosttest.Start(t, all[0])
	require.Equal(t, http.StatusOK, m.Do(t, http.MethodPost, "/api/stores", `{"name":"Corner","location":"left"}`).Status)
	r := m.Ops(t, http.MethodPost, "/projections/rebuild?module=stores", nil)
	require.Equal(t, http.StatusOK, r.Status, r.Text)
	require.NotEmpty(t, r.Body["rebuilt"])
	require.Equal(t, http.StatusNotFound, m.Ops(t, http.MethodPost, "/projections/rebuild?module=kiosk", nil).Status)
	m.Audit(t)
}

func startBroker(t *testing.T, port int, dir string) *server.Server {
	t.Helper()
	if port == 0 {
		port = freeport.Port(t)
	}
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: dir, SyncAlways: true, NoSigs: true, NoLog: true})
	require.NoError(t, err)
	s.Start()
	require.True(t, s.ReadyForConnections(hosttest.Patience))
	t.Cleanup(s.Shutdown)
	return s
}

// damage runs SQL on the database of stores behind the process's back.
func damage(t *testing.T, data, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(data, "stores.db")+"?_pragma=busy_timeout(5000)")
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), statement)
	require.NoError(t, err)
	require.NoError(t, db.Close())
}
