package main

import (
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite" // to make a schema look newer

	"mallbots/internal/freeport"
	"mallbots/internal/host/hosttest"
	depotv1 "mallbots/proto/mallbots/depot/v1"
)

func TestSigtermDrainsAndKeepsEverything(t *testing.T) {
	data := t.TempDir()
	p := start(t, "--data="+data, "--sample", "--bots=2")
	requireSample(t, p)
	p.stop(t)

	p = start(t, "--data="+data, "--sample", "--bots=2")
	requireSample(t, p)
	var bots struct{ Bots []struct{ Name string } }
	hosttest.Eventually(t, func() bool {
		require.Equal(t, 200, getJSON(t, p.url+"/api/depot/bots", &bots))
		return len(bots.Bots) == 2
	})
	p.audit(t)
	p.stop(t)
}

// TestBotsPickWhatIsApproved leaves the picking to the bots of the process. One
// of them was interrupted: it holds a list that nobody else can have.
func TestBotsPickWhatIsApproved(t *testing.T) {
	data := t.TempDir()
	p := start(t, "--data="+data)
	m, err := dial(p.url, 30*time.Second)
	require.NoError(t, err)
	bots, err := m.bots.Enlist(t.Context(), "bot", 1)
	require.NoError(t, err)
	_, errs, code := output(t, time.Minute, "busywork", "--server="+p.url, "--shoppers=2", "--orders=10", "--keepers=0", "--bots=0", "--json")
	require.Zero(t, code, errs)
	lists, err := m.depot.ListShoppingLists(t.Context(), &depotv1.ListShoppingListsRequest{Status: depotv1.ShoppingListStatus_SHOPPING_LIST_STATUS_AVAILABLE})
	require.NoError(t, err)
	require.NotEmpty(t, lists.GetShoppingLists())
	held := lists.GetShoppingLists()[0].GetId()
	_, err = m.depot.AssignShoppingList(t.Context(), &depotv1.AssignShoppingListRequest{Id: held, BotId: bots[0]})
	require.NoError(t, err)
	p.stop(t)

	p = start(t, "--data="+data, "--bots=2")
	m, err = dial(p.url, 30*time.Second)
	require.NoError(t, err)
	hosttest.Eventually(t, func() bool {
		for _, status := range []depotv1.ShoppingListStatus{depotv1.ShoppingListStatus_SHOPPING_LIST_STATUS_AVAILABLE, depotv1.ShoppingListStatus_SHOPPING_LIST_STATUS_ASSIGNED} {
			left, err := m.depot.ListShoppingLists(t.Context(), &depotv1.ListShoppingListsRequest{Status: status})
			require.NoError(t, err)
			if len(left.GetShoppingLists()) > 0 {
				return false
			}
		}
		return true
	})
	p.audit(t)
}

// requireSample waits until the sample is there, once.
func requireSample(t *testing.T, p *process) {
	t.Helper()
	var found struct{ Stores []struct{ ID string } }
	hosttest.Eventually(t, func() bool {
		require.Equal(t, 200, getJSON(t, p.url+"/api/stores", &found))
		var stock struct{ Stock []any }
		require.Equal(t, 200, getJSON(t, p.url+"/api/depot/stock", &stock))
		return len(found.Stores) == 3 && len(stock.Stock) == 10
	})
}

func TestDataDirectoryHasOneProcess(t *testing.T) {
	data := t.TempDir()
	start(t, "--data="+data)
	_, errs, code := output(t, 30*time.Second, "serve", "--http=127.0.0.1:0", "--ops=127.0.0.1:0", "--data="+data)
	require.Equal(t, 1, code)
	require.Contains(t, errs, "is held by process")
	require.Contains(t, errs, "--data")
}

func TestNewerSchemaIsRefusedAndLeftAlone(t *testing.T) {
	data := t.TempDir()
	p := start(t, "--data="+data)
	p.stop(t)
	file := filepath.Join(data, "ordering.db")
	db, err := sql.Open("sqlite", file)
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), `INSERT INTO goose_module (version_id, is_applied) VALUES (99, 1)`)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	before, err := os.ReadFile(file)
	require.NoError(t, err)

	for _, command := range []string{"serve", "migrate"} {
		args := []string{command, "--data=" + data}
		if command == "serve" {
			args = append(args, "--http=127.0.0.1:0", "--ops=127.0.0.1:0")
		}
		_, errs, code := output(t, 30*time.Second, args...)
		require.Equal(t, 1, code, command)
		require.Contains(t, errs, "goose_module has version 99", command)
		require.Contains(t, errs, "ordering", command)
	}
	after, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, before, after)
}

func TestUnreachablePartsAreNamedAndWaitedFor(t *testing.T) {
	for _, c := range []struct{ name, flag, part string }{
		{"database", "--database-url=postgres://nobody@127.0.0.1:1/mall?connect_timeout=1", "database"},
		{"broker", "--nats-url=nats://127.0.0.1:1", "broker"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ops := freeport.Address(t)
			cmd := program(t, t.Context(), "serve", "--http=127.0.0.1:0", "--ops="+ops, "--data="+t.TempDir(), c.flag)
			log := &lockedBuffer{}
			cmd.Stderr = log
			require.NoError(t, cmd.Start())
			p := &process{cmd: cmd, log: log, exited: make(chan error, 1)}
			go func() { p.exited <- cmd.Wait() }()
			t.Cleanup(func() { p.kill(t) })

			hosttest.Eventually(t, func() bool {
				out, errs, code := output(t, 30*time.Second, "healthcheck", "--ops="+ops)
				return code == 1 && out == "" && containsAll(errs, "503", c.part)
			}, "%s", log)
			_, errs, code := output(t, 30*time.Second, "healthcheck", "--alive", "--ops="+ops)
			require.Zero(t, code, errs)
			select {
			case err := <-p.exited:
				p.exited <- err
				require.Fail(t, "the process gave up", "%v: %s", err, log)
			case <-time.After(time.Second): // it is still there, and goes on trying
			}
			p.stop(t)
		})
	}
}

func TestHelpersThatFindNobodyAreRefused(t *testing.T) {
	_, errs, code := output(t, 30*time.Second, "serve", "--modules=stores", "--bots=2", "--data="+t.TempDir())
	require.Equal(t, 1, code)
	require.Contains(t, errs, "--bots works with the depot")
	_, errs, code = output(t, 30*time.Second, "serve", "--modules=stores", "--sample", "--data="+t.TempDir())
	require.Equal(t, 1, code)
	require.Contains(t, errs, "--sample needs ordering")
	_, errs, code = output(t, 30*time.Second, "serve", "--modules=shops", "--data="+t.TempDir())
	require.Equal(t, 1, code)
	require.Contains(t, errs, `there is no module "shops"`)
}

// TestEverySubsetOfModulesBoots starts each of the fifteen, and asks it what it runs.
func TestEverySubsetOfModulesBoots(t *testing.T) {
	all := []string{"stores", "baskets", "ordering", "depot"}
	for bits := 1; bits < 1<<len(all); bits++ {
		var chosen []string
		for n, module := range all {
			if bits&(1<<n) != 0 {
				chosen = append(chosen, module)
			}
		}
		t.Run(strings.Join(chosen, ","), func(t *testing.T) {
			p := start(t, "--modules="+strings.Join(chosen, ","), "--data="+t.TempDir())
			for module, path := range map[string]string{"stores": "/api/stores", "ordering": "/api/ordering", "depot": "/api/depot/bots", "baskets": "/api/baskets/01920000-0000-7000-8000-000000000000"} {
				var answer struct{ Code string }
				status := getJSON(t, p.url+path, &answer)
				switch {
				case !slices.Contains(chosen, module):
					require.Equal(t, 404, status)
					require.NotEqual(t, "BASKET_NOT_FOUND", answer.Code, "a module that was not asked for")
				case module == "baskets":
					require.Equal(t, "BASKET_NOT_FOUND", answer.Code)
				default:
					require.Equal(t, 200, status)
				}
			}
			p.stop(t)
		})
	}
}

func TestMigrateMakesTheDatabases(t *testing.T) {
	data := t.TempDir()
	out, errs, code := output(t, 30*time.Second, "migrate", "--data="+data)
	require.Zero(t, code, errs)
	require.Contains(t, out, "stores, baskets, ordering, depot")
	for _, module := range []string{"stores", "baskets", "ordering", "depot"} {
		require.FileExists(t, filepath.Join(data, module+".db"))
	}
	require.NoDirExists(t, filepath.Join(data, "nats"))
}

func containsAll(text string, parts ...string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}
