package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"mallbots/internal/broker"
	"mallbots/internal/broker/brokertest"
	"mallbots/internal/database/pgtest"
	"mallbots/internal/freeport"
	"mallbots/internal/host/hosttest"
)

// printed is what a command prints.
func printed(t *testing.T, args ...string) string {
	t.Helper()
	out, errs, code := output(t, time.Minute, args...)
	require.Zero(t, code, errs)
	return out
}

// ownRights is a PostgreSQL database and a NATS server that were told what the
// binary prints, and the flags to serve there.
type ownRights struct {
	dsn   string // of a superuser, without its user; a later user counts
	admin *pgx.Conn
	serve []string
}

func newOwnRights(t *testing.T) *ownRights {
	t.Helper()
	postgres, err := pgtest.Start(false) // of its own: roles are the whole server's
	if errors.Is(err, pgtest.ErrNone) && os.Getenv("CI") != "true" {
		t.Skip("NOT RUN: " + err.Error())
	}
	require.NoError(t, err)
	t.Cleanup(postgres.Stop)
	o := &ownRights{dsn: pgtest.Create(t, postgres.DSN)}
	o.admin = o.as(t, "")

	passwords := t.TempDir()
	for _, user := range []string{"stores", "baskets", "ordering", "depot", broker.Onlooker} {
		t.Setenv(broker.PasswordVariable(user), "secret"+user)
		require.NoError(t, os.WriteFile(filepath.Join(passwords, user), []byte("secret"+user), 0o600))
	}
	nats := brokertest.NewConfigured(t, printed(t, "permissions", "nats"))
	o.serve = []string{
		"--data=" + t.TempDir(), "--database-url=" + o.dsn + " user=mallbots_{module}",
		"--nats-url=" + nats.URL(), "--nats-password-file=" + filepath.Join(passwords, "{module}"),
	}
	return o
}

// as connects a role; none is the superuser.
func (o *ownRights) as(t *testing.T, role string) *pgx.Conn {
	t.Helper()
	dsn := o.dsn
	if role != "" {
		dsn += " user=" + role
	}
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	return conn
}

// grant runs what is printed for PostgreSQL.
func (o *ownRights) grant(t *testing.T) {
	t.Helper()
	_, err := o.admin.Exec(t.Context(), printed(t, "permissions", "postgres"), pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
}

// denied requires that the server refuses a statement for want of rights.
func denied(t *testing.T, conn *pgx.Conn, statement string) {
	t.Helper()
	_, err := conn.Exec(t.Context(), statement)
	var server *pgconn.PgError
	require.ErrorAs(t, err, &server, "%s was let pass", statement)
	require.Equal(t, "42501", server.Code, "%s: %s", statement, server.Message)
}

// TestEachModuleHasItsOwnRights runs the whole mall with the rights that the
// binary prints, and tries what they must not allow: each module against each
// other one.
func TestEachModuleHasItsOwnRights(t *testing.T) {
	o := newOwnRights(t)
	o.grant(t)

	// Serving migrates nothing: it waits for whoever may.
	ops := freeport.Address(t)
	early := running(t, append([]string{"serve", "--http=127.0.0.1:0", "--ops=" + ops}, o.serve...)...)
	hosttest.Eventually(t, func() bool {
		var answer struct {
			Parts []struct{ Name, Detail string }
		}
		res, err := http.Get("http://" + ops + "/readyz")
		if err != nil {
			return false
		}
		defer func() { _ = res.Body.Close() }()
		return json.NewDecoder(res.Body).Decode(&answer) == nil && strings.Contains(fmt.Sprint(answer), "run the command migrate with the --database-url of the owner's role")
	})
	_, errs, code := output(t, time.Minute, "migrate", o.serve[1])
	require.NotZero(t, code, "the runtime role cannot migrate")
	require.Contains(t, errs, "this role may not change it")
	printed(t, "migrate", "--database-url="+o.dsn+" user=mallbots_{module}_owner")
	hosttest.Eventually(t, func() bool {
		res, err := http.Get("http://" + ops + "/readyz")
		if err != nil {
			return false
		}
		defer func() { _ = res.Body.Close() }()
		return res.StatusCode == http.StatusOK
	}, "it goes on by itself")
	early()

	p := start(t, o.serve...)
	out, errs, code := output(t, time.Minute, "busywork", "--server="+p.url, "--shoppers=4", "--orders=20", "--json")
	require.Zero(t, code, errs)
	require.Contains(t, out, `"approved":20`)
	p.audit(t)
	o.grant(t) // again, beside a mall at work
	o.refuse(t)
	p.audit(t)
	p.stop(t)
	require.NotContains(t, p.log.String(), "permission")
}

// refuse tries what is not allowed.
func (o *ownRights) refuse(t *testing.T) {
	t.Helper()
	names := []string{"stores", "baskets", "ordering", "depot"}
	pairs := 0
	for _, one := range names {
		conn := o.as(t, "mallbots_"+one)
		var tables []string
		for _, other := range names {
			if other == one {
				continue
			}
			pairs++
			rows, err := o.admin.Query(t.Context(), "SELECT tablename FROM pg_tables WHERE schemaname = $1", other)
			require.NoError(t, err)
			tables, err = pgx.CollectRows(rows, pgx.RowTo[string])
			require.NoError(t, err)
			require.Contains(t, tables, "events")
			for _, table := range tables {
				denied(t, conn, "SELECT 1 FROM "+other+"."+table)
			}
			for _, statement := range []string{
				"INSERT INTO %s.outbox_keys (key, sequence) VALUES ('x', 1)", "UPDATE %s.outbox_keys SET sequence = 1", "DELETE FROM %s.outbox_keys",
				"TRUNCATE %s.outbox", "DO $$ BEGIN LOCK TABLE %s.events; END $$", "SELECT %s.quiesce_events()", "CREATE TABLE %s.mine (a TEXT)", "ALTER TABLE %s.events ADD COLUMN a TEXT", "DROP TABLE %s.events",
				"CREATE INDEX ON %s.events (name)", "DROP SCHEMA %s CASCADE", "GRANT SELECT ON %s.events TO PUBLIC", "CREATE VIEW %s.v AS SELECT 1",
			} {
				denied(t, conn, fmt.Sprintf(statement, other))
			}
			denied(t, conn, "SET ROLE mallbots_"+other)
			denied(t, conn, "SET ROLE mallbots_"+other+"_owner")
		}
		// Nor does it own what is its module's.
		for _, statement := range []string{
			"CREATE TABLE %s.mine (a TEXT)", "ALTER TABLE %s.events ADD COLUMN a TEXT", "DROP TABLE %s.events", "TRUNCATE %s.outbox",
			"UPDATE %s.events SET data = ''", "DELETE FROM %s.events", "DELETE FROM %s.operator_actions", "UPDATE %s.goose_platform SET version_id = 1",
			"INSERT INTO %s.goose_module (version_id, is_applied) VALUES (99, true)",
		} {
			denied(t, conn, fmt.Sprintf(statement, one))
		}
		for _, statement := range []string{"CREATE TABLE public.mine (a TEXT)", "CREATE SCHEMA mine", "CREATE TEMP TABLE mine (a TEXT)", "SET ROLE mallbots_" + one + "_owner", "CREATE ROLE mine"} {
			denied(t, conn, statement)
		}
		owned := 0
		require.NoError(t, o.admin.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM pg_class WHERE relowner = $1::regrole) + (SELECT count(*) FROM pg_namespace WHERE nspowner = $1::regrole)
			+ (SELECT count(*) FROM pg_database WHERE datdba = $1::regrole)`, "mallbots_"+one).Scan(&owned))
		require.Zero(t, owned, "%s owns something", one)
	}
	require.Equal(t, 12, pairs)
}

// running runs a command until the returned function ends it.
func running(t *testing.T, args ...string) (end func()) {
	t.Helper()
	cmd := program(t, t.Context(), args...)
	log := &lockedBuffer{}
	cmd.Stderr = log
	require.NoError(t, cmd.Start())
	return func() {
		require.NoError(t, cmd.Process.Signal(os.Interrupt))
		require.NoError(t, cmd.Wait(), log)
	}
}

// TestPasswordsComeFromTheEnvironment gives what is printed to psql, which sets
// the passwords that it was given and prints none.
func TestPasswordsComeFromTheEnvironment(t *testing.T) {
	psql, err := exec.LookPath("psql")
	if err != nil && os.Getenv("CI") != "true" {
		t.Skip("NOT RUN: there is no psql here")
	}
	require.NoError(t, err)
	o := newOwnRights(t)
	text := printed(t, "permissions", "postgres", "--modules=stores,depot", "--no-keys", "--passwords", "--role-prefix=shop")
	for range 2 {
		cmd := exec.CommandContext(t.Context(), psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", o.dsn)
		cmd.Env = append(os.Environ(), "MALLBOTS_DATABASE_PASSWORD_STORES=it's 1", "MALLBOTS_DATABASE_PASSWORD_DEPOT_OWNER=2")
		cmd.Stdin = strings.NewReader(text)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.NotContains(t, string(out), "it's 1")
	}
	var with []string
	require.NoError(t, o.admin.QueryRow(t.Context(),
		`SELECT array_agg(rolname::text ORDER BY rolname) FROM pg_authid WHERE rolname LIKE 'shop_%' AND rolpassword IS NOT NULL`).Scan(&with))
	require.Equal(t, []string{"shop_depot_owner", "shop_stores"}, with)
	_, errs, code := output(t, time.Minute, "permissions", "postgres", "--role-prefix=a;b")
	require.NotZero(t, code)
	require.Contains(t, errs, "--role-prefix=a;b")
}

// TestOperatorsFollowAServerWithRights has an operator's own user look on.
func TestOperatorsFollowAServerWithRights(t *testing.T) {
	o := newOwnRights(t)
	p := start(t, "--data="+t.TempDir(), o.serve[2], o.serve[3], "--modules=stores")
	cmd := program(t, t.Context(), "events", "tail", o.serve[2])
	cmd.Env = append(cmd.Env, broker.PasswordVariable(broker.Onlooker)+"=secret"+broker.Onlooker)
	out := &lockedBuffer{}
	cmd.Stdout, cmd.Stderr = out, out
	require.NoError(t, cmd.Start())
	hosttest.Eventually(t, func() bool {
		res, err := http.Post(p.url+"/api/stores", "application/json", strings.NewReader(`{"name":"Teas","location":"left"}`))
		return err == nil && res.Body.Close() == nil && strings.Contains(out.String(), "StoreCreated")
	}, out)
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	require.NoError(t, cmd.Wait(), out)
	require.NotContains(t, out.String(), "refused")
}
