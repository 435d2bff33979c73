package database

import (
	"context"
	"database/sql"
	"fmt"
	"hash/fnv"
	"io/fs"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

// postgresConnections is how many there are at most, unless the configuration says
// otherwise. More than a few for each processor only get in each other's way, and
// each reads the server's catalogs anew.
func postgresConnections() int32 { return int32(max(8, 4*runtime.GOMAXPROCS(0))) }

// patience is how long a commit, a rollback or a close may take: their callers
// may have gone already.
const patience = 10 * time.Second

// postgres is a module's schema on a PostgreSQL server.
type postgres struct {
	topics
	seats
	*incarnations
	module string
	pool   *pgxpool.Pool
	closed atomic.Bool
}

func openPostgres(ctx context.Context, config Config, migrations fs.FS) (_ DB, err error) {
	pools, err := config.pool()
	if err != nil {
		return nil, fmt.Errorf("database: %s: %w", config.Module, err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("database: %s: PostgreSQL at %s: %w", config.Module, address(pools.ConnConfig), err)
		}
	}()
	db := stdlib.OpenDB(*pools.ConnConfig)
	defer func() { _ = db.Close() }()
	if err := compareClocks(ctx, db); err != nil {
		return nil, err
	}
	if err := migrate(ctx, config, postgresSchema(db, config.Module), migrations); err != nil {
		return nil, due(err)
	}
	if err := config.warn(ctx, db); err != nil {
		return nil, err
	}
	server := &incarnations{}
	server.watch(pools)
	pool, err := pgxpool.NewWithConfig(context.WithoutCancel(ctx), pools)
	if err != nil {
		return nil, err
	}
	d := &postgres{incarnations: server, module: config.Module, pool: pool}
	d.words.waiting, d.words.wake = map[string]bool{}, make(chan struct{}, 1)
	d.elsewhere = d.say
	return d, nil
}

// pool is how to connect. Each connection sees the module's schema only.
func (c Config) pool() (*pgxpool.Config, error) {
	pools, err := pgxpool.ParseConfig(c.connectionString())
	if err != nil {
		return nil, err
	}
	if c.Connections > 0 {
		pools.MaxConns = int32(c.Connections)
	} else if !strings.Contains(c.URL, "pool_max_conns") {
		pools.MaxConns = postgresConnections()
	}
	if pools.PingTimeout == 0 {
		pools.PingTimeout = lostAfter
	}
	connect := pools.ConnConfig
	connect.RuntimeParams["search_path"] = pgx.Identifier{c.Module}.Sanitize()
	for name, value := range map[string]string{
		"application_name":                    "mallbots/" + c.Module,
		"idle_in_transaction_session_timeout": "3000", // a transaction does nothing else; who is gone without a word keeps its locks no longer
	} {
		if connect.RuntimeParams[name] == "" {
			connect.RuntimeParams[name] = value
		}
	}
	if connect.ConnectTimeout == 0 {
		connect.ConnectTimeout = 5 * time.Second
	}
	connect.DialFunc = postgresDialer.DialContext
	return pools, nil
}

// address is where the server is, for people.
func address(config *pgx.ConnConfig) string {
	if strings.HasPrefix(config.Host, "/") {
		return config.Host
	}
	return net.JoinHostPort(config.Host, fmt.Sprint(config.Port))
}

// postgresSchema migrates on a connection of its own. Its lock is the session's.
func postgresSchema(db *sql.DB, module string) schema {
	return schema{
		db: db, dialect: goose.DialectPostgres, folder: "migrations/postgres",
		exists: `SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = $1`,
		lock: func(ctx context.Context) (func(), error) {
			conn, err := db.Conn(ctx)
			if err != nil {
				return nil, err
			}
			unlock := func() {
				_, _ = conn.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, lockKey("migrate", module))
				_ = conn.Close()
			}
			if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, lockKey("migrate", module)); err != nil {
				_ = conn.Close()
				return nil, err
			}
			if err := createSchema(ctx, conn, module); err != nil {
				unlock()
				return nil, err
			}
			return unlock, nil
		},
	}
}

// createSchema makes the module's schema, unless it is there: its owner may not
// be one who could have made it.
func createSchema(ctx context.Context, conn *sql.Conn, module string) error {
	var there int64
	err := conn.QueryRowContext(ctx, `SELECT count(*) FROM pg_namespace WHERE nspname = $1`, module).Scan(&there)
	if err != nil || there > 0 {
		return err
	}
	_, err = conn.ExecContext(ctx, `CREATE SCHEMA IF NOT EXISTS `+pgx.Identifier{module}.Sanitize())
	return err
}

// lockKey is the number of an advisory lock; they are shared by all who use the
// same PostgreSQL database.
func lockKey(purpose, name string) int64 {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte("mallbots " + purpose + " " + name))
	return int64(hash.Sum64())
}

// warn tells of a server that would forget what it has committed.
func (c Config) warn(ctx context.Context, db *sql.DB) error {
	for _, setting := range []string{"fsync", "synchronous_commit", "full_page_writes"} {
		var value string
		if err := db.QueryRowContext(ctx, `SELECT current_setting($1)`, setting).Scan(&value); err != nil {
			return err
		}
		if value == "off" {
			c.log().WarnContext(ctx, "PostgreSQL may lose committed data in a crash", "module", c.Module, "setting", setting, "value", value)
		}
	}
	return nil
}

// Query implements DB.
func (d *postgres) Query(ctx context.Context, text string, args ...any) (Rows, error) {
	if err := bindable(text, args); err != nil {
		return nil, err
	}
	rows, err := d.pool.Query(ctx, text, args...)
	if err != nil {
		return nil, d.explain(err)
	}
	return rows, nil
}

// Dialect implements DB.
func (d *postgres) Dialect() Dialect { return Postgres }

// Module implements DB.
func (d *postgres) Module() string { return d.module }

// Ping implements DB: the server answers and the schema is there.
func (d *postgres) Ping(ctx context.Context) error {
	if _, err := One(ctx, d, Value[int64], `SELECT count(*) FROM `+platformTable); err != nil {
		return fmt.Errorf("database: %s: PostgreSQL at %s: %w", d.module, address(d.pool.Config().ConnConfig), err)
	}
	return nil
}

// explain says what a closed pool says in its own words.
func (d *postgres) explain(err error) error {
	if d.closed.Load() {
		return ErrClosed
	}
	return err
}

// Close implements DB. It waits for the transactions under way, at most
// for patience.
func (d *postgres) Close() error {
	if !d.closed.CompareAndSwap(false, true) {
		return nil
	}
	done := make(chan struct{})
	go func() {
		d.pool.Close()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-time.After(patience):
		return fmt.Errorf("database: %s: closed with connections in use: are there rows that nobody closed?", d.module)
	}
}
