package host_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"mallbots/internal/broker"
	"mallbots/internal/broker/brokertest"
	"mallbots/internal/host"
	"mallbots/internal/host/hosttest"
	"mallbots/internal/secret"
)

// parts are messages that events are made of; nobody publishes one by itself.
var parts = regexp.MustCompile(`(Item|Line|Shortage|Stop)$`)

func TestEveryDeclaredEventIsInItsModulesRightsAlone(t *testing.T) {
	rights, err := host.Rights(t.Context(), host.Config{}, all)
	require.NoError(t, err)
	require.Len(t, rights, 5, "four modules, and operators")
	declared := map[string]string{} // subjects, and whose they are
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		if !strings.HasPrefix(string(file.Package()), "mallbots.") || !strings.HasSuffix(file.Path(), "/events.proto") {
			return true
		}
		for i := range file.Messages().Len() {
			name := string(file.Messages().Get(i).FullName())
			if !parts.MatchString(name) {
				declared[name+".*"] = strings.Split(name, ".")[1]
			}
		}
		return true
	})
	require.Len(t, declared, 24)
	for _, r := range rights {
		var own []string
		for subject, module := range declared {
			if module == r.User {
				own = append(own, subject)
			}
		}
		var events []string
		for _, subject := range r.Publish {
			if strings.HasPrefix(subject, "mallbots.") {
				events = append(events, subject)
			}
		}
		require.ElementsMatch(t, own, events, r.User)
	}
	for user, sources := range map[string]string{"stores": "", "baskets": "ordering stores", "ordering": "baskets depot", "depot": "ordering stores"} {
		at := slices.IndexFunc(rights, func(r broker.Rights) bool { return r.User == user })
		for _, source := range []string{"stores", "baskets", "ordering", "depot"} {
			stream := "MALLBOTS_" + strings.ToUpper(source)
			require.Equal(t, strings.Contains(sources, source), slices.Contains(rights[at].Publish, "$JS.API.CONSUMER.MSG.NEXT."+stream+"."+user+"_"+source), "%s hears %s", user, source)
			require.Equal(t, source == user, slices.Contains(rights[at].Publish, "$JS.API.STREAM.UPDATE."+stream), "%s and the stream of %s", user, source)
		}
	}
}

// secured is a NATS server with the users and rights of the mall, and how its
// modules connect.
func secured(t *testing.T) (*brokertest.External, host.Config) {
	t.Helper()
	rights, err := host.Rights(t.Context(), host.Config{}, all)
	require.NoError(t, err)
	passwords := t.TempDir()
	for _, r := range rights {
		password := "s3cret" + r.User
		t.Setenv(broker.PasswordVariable(r.User), password)
		require.NoError(t, os.WriteFile(filepath.Join(passwords, r.User), []byte(password+"\n"), 0o600))
	}
	server := brokertest.NewConfigured(t, broker.Authorization(rights))
	for _, r := range rights {
		require.NoError(t, os.Unsetenv(broker.PasswordVariable(r.User)))
	}
	config, err := host.Settings{
		NATSURL: secret.Text(strings.Replace(server.URL(), "nats://", "nats://{module}@", 1)), NATSSecret: filepath.Join(passwords, "{module}"),
		LogLevel: "warn", FreeDisk: -1, OutboxLimit: -1, Currency: "USD", Data: t.TempDir(),
	}.Config(t.Output())
	require.NoError(t, err)
	return server, config
}

// TestTheMallTradesWithItsOwnRights has a store's product reach a basket, on a
// server that refuses all that was not printed for it.
func TestTheMallTradesWithItsOwnRights(t *testing.T) {
	_, config := secured(t)
	m := hosttest.StartWith(t, config, all...)
	healthy(t, m)
	trade(t, m)
	m.Audit(t)
	healthy(t, m)
}

func TestAWrongPasswordIsNamedAndWaitedFor(t *testing.T) {
	server, config := secured(t)
	config.NATSPassword = func(string) func() (string, error) { return func() (string, error) { return "wrong", nil } }
	m := hosttest.StartWith(t, config, all[0])
	hosttest.Eventually(t, func() bool {
		ok, detail, status := part(t, m, "broker")
		return !ok && status == http.StatusServiceUnavailable && strings.Contains(detail, "Authorization Violation") && !strings.Contains(detail, "wrong")
	})
	_ = server
}

func TestAModuleThatRunsElsewhereWithAnotherDatabaseIsRefused(t *testing.T) {
	server := brokertest.NewExternal(t)
	first := t.TempDir()
	m := hosttest.StartWith(t, host.Config{Data: first, NATSURL: secret.Text(server.URL()), Log: hosttest.Log(t)}, all...)
	healthy(t, m)
	second := t.TempDir()
	err := refused(t, host.Config{Data: second, NATSURL: secret.Text(server.URL())}, all[2])
	for _, named := range []string{"ordering", filepath.Join(first, "ordering.db"), filepath.Join(second, "ordering.db"), "--take-over=ordering"} {
		require.ErrorContains(t, err, named)
	}
	trade(t, m)
	m.Audit(t) // nobody else had a part of it
}

// A process that could not ask whose stream it is when it started ends as soon
// as it can.
func TestAModuleThatRunsElsewhereIsFoundOutLater(t *testing.T) {
	server := brokertest.NewExternal(t)
	m := hosttest.StartWith(t, host.Config{Data: t.TempDir(), NATSURL: secret.Text(server.URL()), Log: hosttest.Log(t)}, all[0])
	healthy(t, m)
	m.Stop(t)
	server.Stop()
	ended := make(chan error, 1)
	ready := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		ended <- host.Run(ctx, host.Config{
			HTTP: "127.0.0.1:0", Ops: "127.0.0.1:0", Data: t.TempDir(), NATSURL: secret.Text(server.URL()), Log: hosttest.Log(t),
		}, all[:1], func(host.Addresses) { close(ready) })
	}()
	<-ready
	server.Start()
	require.ErrorContains(t, <-ended, "runs already elsewhere")
}

// Modules may be started in any order: who hears of another that never ran
// waits, says so, and begins as soon as it comes.
func TestAConsumerWaitsForAStreamThatDoesNotExistYet(t *testing.T) {
	server := brokertest.NewExternal(t)
	process := func(module host.Module) *hosttest.Mall {
		return hosttest.StartWith(t, host.Config{Data: t.TempDir(), NATSURL: secret.Text(server.URL()), Log: hosttest.Log(t)}, module)
	}
	baskets := process(all[1])
	hosttest.Eventually(t, func() bool {
		ok, detail, status := part(t, baskets, "baskets.consumer")
		return ok && status == http.StatusOK && strings.Contains(detail, "MALLBOTS_STORES: waiting for stream") &&
			strings.Contains(detail, "MALLBOTS_ORDERING: waiting for stream")
	})
	stores, ordering := process(all[0]), process(all[2])
	healthy(t, stores)
	product := goods(t, stores)
	hosttest.Eventually(t, func() bool {
		_, detail, _ := part(t, baskets, "baskets.consumer")
		return detail == ""
	}, "it waits no more")
	customer := create(t, ordering, "/api/customers", `{"name":"Ada","smsNumber":"+44 20 7946 0000"}`)
	basket := create(t, baskets, "/api/baskets", `{"customerId":"`+customer+`"}`)
	hosttest.Eventually(t, func() bool {
		return baskets.Do(t, http.MethodPut, "/api/baskets/"+basket+"/addItem", `{"productId":"`+product+`","quantity":1}`).Status == http.StatusOK
	}, "it knows the product")
}

// create makes something, and returns its id.
func create(t *testing.T, m *hosttest.Mall, path, body string) string {
	t.Helper()
	r := m.Do(t, http.MethodPost, path, body)
	require.Equal(t, http.StatusOK, r.Status, r.Text)
	id, _ := r.Body["id"].(string)
	return id
}

// goods opens a shop with one product.
func goods(t *testing.T, m *hosttest.Mall) (product string) {
	t.Helper()
	store := create(t, m, "/api/stores", `{"name":"Teas","location":"left"}`)
	require.Equal(t, http.StatusOK, m.Do(t, http.MethodPut, "/api/stores/"+store+"/participating", nil).Status)
	return create(t, m, "/api/stores/"+store+"/products", `{"name":"Oolong","sku":"T1","price":{"currencyCode":"USD","minorUnits":1250}}`)
}

// trade takes an order from the shop until it is approved.
func trade(t *testing.T, m *hosttest.Mall) {
	t.Helper()
	product := goods(t, m)
	m.Settle(t)
	require.Equal(t, http.StatusOK, m.Do(t, http.MethodPut, "/api/depot/stock/"+product+"/receive", `{"quantity":5}`).Status)
	customer := create(t, m, "/api/customers", `{"name":"Ada","smsNumber":"+44 20 7946 0000"}`)
	m.Settle(t)
	basket := create(t, m, "/api/baskets", `{"customerId":"`+customer+`"}`)
	r := m.Do(t, http.MethodPut, "/api/baskets/"+basket+"/addItem", `{"productId":"`+product+`","quantity":2}`)
	require.Equal(t, http.StatusOK, r.Status, r.Text)
	r = m.Do(t, http.MethodPut, "/api/baskets/"+basket+"/checkout", `{"paymentId":"visa-1"}`)
	require.Equal(t, http.StatusOK, r.Status, r.Text)
	m.Settle(t)
	r = m.Do(t, http.MethodGet, "/api/ordering/"+basket, nil)
	require.Contains(t, r.Text, "ORDER_STATUS_APPROVED")
}
