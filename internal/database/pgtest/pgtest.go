// Package pgtest gives a test a PostgreSQL database of its own.
//
// It looks for a server in this order: MALLBOTS_TEST_DSN names one that runs;
// MALLBOTS_PG_BINDIR names a folder with initdb and postgres; the newest
// /usr/lib/postgresql/*/bin; PATH. From binaries it starts one private server
// per test process, on a Unix socket and as an unprivileged user, which goes
// when the process goes. Where there is none, the test is skipped and says NOT
// RUN; it fails when CI=true.
package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// shared is the one server of this test process.
var shared = sync.OnceValues(func() (string, error) {
	if dsn := os.Getenv("MALLBOTS_TEST_DSN"); dsn != "" {
		return dsn, nil
	}
	server, err := Start(false)
	if err != nil {
		return "", err
	}
	return server.DSN, nil
})

// DSN returns the connection string of a new, empty database, which is dropped
// when the test ends.
func DSN(t testing.TB) string {
	t.Helper()
	server, err := shared()
	if errors.Is(err, ErrNone) && os.Getenv("CI") != "true" {
		t.Skip("NOT RUN: " + err.Error())
	}
	require.NoError(t, err)
	return Create(t, server)
}

// Create makes a new, empty database on the server at dsn and returns its
// connection string. The database is dropped when the test ends.
func Create(t testing.TB, dsn string) string {
	t.Helper()
	name := "mallbots_" + strings.ToLower(rand.Text())
	administer(t, dsn, "CREATE DATABASE "+name)
	t.Cleanup(func() { administer(t, dsn, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") })
	return within(t, dsn, name)
}

// administer runs one statement on a connection of its own. The test's own
// context has ended when databases are dropped.
func administer(t testing.TB, dsn, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	require.NoError(t, err)
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, statement)
	require.NoError(t, err)
}

// within is dsn with another database's name.
func within(t testing.TB, dsn, name string) string {
	t.Helper()
	if !strings.Contains(dsn, "://") {
		return dsn + " dbname=" + name // the last one counts
	}
	address, err := url.Parse(dsn)
	require.NoError(t, err)
	address.Path = "/" + name
	return address.String()
}
