package database_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
	"mallbots/internal/database/pgtest"
)

func TestTransientErrors(t *testing.T) {
	for _, err := range []error{
		&pgconn.PgError{Code: "40001"}, &pgconn.PgError{Code: "40P01"}, &pgconn.PgError{Code: "55P03"}, &pgconn.PgError{Code: "08006"},
		&pgconn.PgError{Code: "53100"}, &pgconn.PgError{Code: "57P01"}, &pgconn.PgError{Code: "57P03"},
		context.DeadlineExceeded, io.ErrUnexpectedEOF, net.ErrClosed, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, &net.DNSError{},
		syscall.ENOSPC,
	} {
		require.True(t, database.Transient(fmt.Errorf("so: %w", err)), err)
	}
	for _, err := range []error{
		nil, context.Canceled, errors.New("x"), database.ErrNoRows, database.ErrNewer, database.ErrClosed,
		&pgconn.PgError{Code: "23505"}, &pgconn.PgError{Code: "42P01"}, &pgconn.PgError{Code: "57014"}, &pgconn.PgError{Code: "28P01"},
	} {
		require.False(t, database.Transient(err), err)
	}
}

func TestAConstraintIsNotTransient(t *testing.T) {
	databasetest.Each(t, things, func(t *testing.T, db database.DB) {
		require.NoError(t, put(t.Context(), db, "a", 1))
		err := put(t.Context(), db, "a", 1)
		require.Error(t, err)
		require.False(t, database.Transient(err))
	})
}

func TestAServerThatCannotBeReachedIsNamed(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	_, err = database.Open(t.Context(), database.Config{Module: "baskets", URL: "postgres://mall:s3cret@" + address + "/mall_{module}"}, nil)
	require.ErrorContains(t, err, "baskets: PostgreSQL at "+address)
	require.NotContains(t, err.Error(), "s3cret")
	require.True(t, database.Transient(err))
}

func TestALostSessionIsTransientAndReplaced(t *testing.T) {
	db := databasetest.Open(t, database.Postgres, "test", things)
	err := db.InTx(t.Context(), func(tx database.Tx) error {
		require.NoError(t, insert(t.Context(), tx, "a"))
		pid, err := database.One(t.Context(), tx, database.Value[int64], `SELECT pg_backend_pid()`)
		require.NoError(t, err)
		_, err = database.One(t.Context(), db, database.Value[bool], `SELECT pg_terminate_backend($1, 5000)`, pid)
		require.NoError(t, err)
		return insert(t.Context(), tx, "b")
	})
	require.Error(t, err)
	require.True(t, database.Transient(err), err)
	require.NoError(t, put(t.Context(), db, "c", 1))
	require.Equal(t, []string{"c"}, ids(t, db))
}

func TestAPausedTransactionIsTransient(t *testing.T) {
	db := databasetest.Open(t, database.Postgres, "test", things)
	err := db.InTx(t.Context(), func(tx database.Tx) error {
		require.NoError(t, insert(t.Context(), tx, "a"))
		pid, err := database.One(t.Context(), tx, database.Value[int64], `SELECT pg_backend_pid() FROM (SELECT set_config('idle_in_transaction_session_timeout', '10', true)) AS s`)
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			n, err := database.One(t.Context(), db, database.Value[int64], `SELECT count(*) FROM pg_stat_activity WHERE pid = $1`, pid)
			return err == nil && n == 0
		}, 10*time.Second, 10*time.Millisecond, "the server ends its session")
		return insert(t.Context(), tx, "b")
	})
	require.Error(t, err)
	require.True(t, database.Transient(err), err)
	require.Empty(t, ids(t, db))
}

// proxy passes bytes between a client and a server, until it is cut: then what
// the server says is lost, with the connection.
type proxy struct {
	address string
	cut     atomic.Bool
}

func newProxy(t *testing.T, dsn string) *proxy {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	network, address := pgconn.NetworkAddress(config.Host, config.Port)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	p := &proxy{address: listener.Addr().String()}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial(network, address)
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(server, client); _ = server.Close() }()
			go func() {
				defer func() { _, _ = server.Close(), client.Close() }()
				buffer := make([]byte, 1<<16)
				for {
					n, err := server.Read(buffer)
					if err != nil || p.cut.Load() {
						return
					}
					if _, err := client.Write(buffer[:n]); err != nil {
						return
					}
				}
			}()
		}
	}()
	return p
}

func TestACommitThatIsNotAnsweredIsUnknown(t *testing.T) {
	dsn := pgtest.DSN(t)
	proxy := newProxy(t, dsn)
	config, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	url := fmt.Sprintf("postgres://%s:%s@%s/%s?sslmode=disable", config.User, config.Password, proxy.address, config.Database)
	db := open(t, database.Config{Module: "test", URL: url, Connections: 1}, things)
	require.NoError(t, put(t.Context(), db, "a", 1))

	err = db.InTx(t.Context(), func(tx database.Tx) error {
		require.NoError(t, insert(t.Context(), tx, "b"))
		tx.AfterCommit(func() { t.Error("nobody knows") })
		proxy.cut.Store(true)
		return nil
	})
	require.ErrorContains(t, err, "unknown whether it was committed")
	require.True(t, database.Transient(err), err)
	proxy.cut.Store(false)
	require.Eventually(t, func() bool { return len(ids(t, db)) == 2 }, long, 10*time.Millisecond, "here it was")
}

// A result that is cut short is an error, never a short result (traps.md 29).
func TestACutResultIsAnError(t *testing.T) {
	dsn := pgtest.DSN(t)
	proxy := newProxy(t, dsn)
	config, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	url := fmt.Sprintf("postgres://%s:%s@%s/%s?sslmode=disable", config.User, config.Password, proxy.address, config.Database)
	db := open(t, database.Config{Module: "test", URL: url}, things)
	cut := func(row database.Row) (string, error) {
		proxy.cut.Store(true)
		return database.Value[string](row)
	}
	const many = `SELECT repeat('x', 1000) FROM generate_series(1, 100000)`
	_, err = database.All(t.Context(), db, cut, many)
	require.Error(t, err)
	require.True(t, database.Transient(err), err)
	proxy.cut.Store(false)
	err = db.InTx(t.Context(), func(tx database.Tx) error {
		_, err := database.All(t.Context(), tx, cut, many)
		require.Error(t, err)
		return nil
	})
	require.Error(t, err)
	require.True(t, database.Transient(err), err)
}
