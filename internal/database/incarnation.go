package database

import (
	"context"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Incarnation names one run of one database server. When it changes, the server
// was restarted, replaced by its standby, or restored, and what was committed
// just before may be gone. Whoever keeps in memory what the database should know
// asks again after each read, and compares when it is another one. An SQLite
// file belongs to its process: its incarnation is always "".
func Incarnation(db DB) string {
	if server, ok := db.(interface{ incarnation() string }); ok {
		return server.incarnation()
	}
	return ""
}

// incarnations remembers the latest server that a connection was made to. All
// connections of an older one have broken by then.
type incarnations struct{ latest atomic.Pointer[string] }

func (i *incarnations) incarnation() string {
	if latest := i.latest.Load(); latest != nil {
		return *latest
	}
	return ""
}

// watch has each new connection of a pool say which server it is with.
func (i *incarnations) watch(pools *pgxpool.Config) {
	pools.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		var now string
		err := conn.QueryRow(ctx, `SELECT pg_postmaster_start_time()::text || ' ' || COALESCE(host(inet_server_addr()), '')`).Scan(&now)
		if err == nil {
			i.latest.Store(&now)
		}
		return err
	}
}
