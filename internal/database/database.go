// Package database is one module's database: an SQLite file or a PostgreSQL
// schema, behind one small interface and one portable SQL text.
//
// What is portable, and is all that modules use: numbered parameters ($1),
// ON CONFLICT, RETURNING, BIGINT microseconds for time, TEXT ids, BIGINT money
// and BIGINT 0 or 1 for truth. What is not: SKIP LOCKED, DML in CTEs, arrays,
// JSON operators, booleans and timestamps.
//
// The transaction is an explicit parameter: what takes a Tx happens in it,
// what does not, does not. Its first error is its last: it is rolled back even
// when its function ignores the error. Rows are closed before the next
// statement, as both databases do one thing at a time on a connection.
//
// SQLite syncs the disk once for all transactions that wait at a time (group
// commit, sqlite_group.go); PostgreSQL is asked in as few round trips as the
// transaction has questions (postgres_tx.go). Neither waits for company.
//
// Migrations use no deferred constraints: on SQLite those fail in the commit,
// which is everybody's who shares it.
package database

import (
	"context"
	"errors"
	"time"
)

// ErrNoRows is what One returns when the query found nothing.
var ErrNoRows = errors.New("database: no rows")

// Row is one row of a result.
type Row interface {
	Scan(dest ...any) error
}

// Rows is a result that is read row by row. Close it; then ask Err.
type Rows interface {
	Row
	Next() bool
	Err() error
	Close()
}

// Querier reads.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (Rows, error)
}

// Statement is a write whose result is not needed before the commit. What its
// fields refer to is left alone until it has been sent.
type Statement struct {
	SQL      string
	Args     []any
	Rows     int64  // exactly so many rows must be affected; 0 means any number
	Else     error  // what the transaction fails with when they are not
	Taken    error  // what it fails with when an inserted row's key is there already
	Into     []any  // where the one row of RETURNING goes
	Affected *int64 // where the number of affected rows goes

	guarded string // SQL with which the server itself sees to Rows and Into
}

// Tx is one write transaction.
type Tx interface {
	Querier
	// Exec runs one statement now and returns the number of affected rows.
	Exec(ctx context.Context, sql string, args ...any) (int64, error)
	// Queue sends s together with the next Query, Exec, Flush or the commit, in
	// order and in one round trip. Its error is returned by whichever sends it,
	// and ends the transaction.
	Queue(s Statement)
	// Flush sends what is queued.
	Flush(ctx context.Context) error
	// AfterCommit runs f once the transaction has committed, and only then.
	AfterCommit(f func())
	// Notify wakes the listeners of topic in this process after the commit.
	Notify(topic string)
	// NotifyOne wakes them too or, when there are none, those in other processes
	// that Attend: for work that one process does. NotifyAll wakes those in all.
	// Neither is certain to arrive elsewhere: who listens looks now and then.
	NotifyOne(topic string)
	NotifyAll(topic string)
}

// Dialect is which database it is.
type Dialect string

// The dialects.
const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

// DB is a module's database. Its own Query reads committed data.
type DB interface {
	Querier
	// InTx runs f in a write transaction and commits it when f returns nil. A
	// panic rolls back and goes on. Calls must not be nested, f reads through
	// tx, and it does no network I/O: on SQLite all writers share one connection.
	// Between statements ctx can end the transaction, in its commit no more. An
	// error of the commit that Transient knows leaves open whether it happened.
	InTx(ctx context.Context, f func(tx Tx) error) error
	// Listen returns a channel that receives after commits that notified topic,
	// coalesced, and a function that ends it.
	Listen(topic string) (<-chan struct{}, func())
	Dialect() Dialect
	// Module is the name of the module that owns the database.
	Module() string
	Ping(ctx context.Context) error
	Close() error
}

// All runs a query and collects what scan makes of each row.
func All[T any](ctx context.Context, q Querier, scan func(Row) (T, error), sql string, args ...any) ([]T, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// One runs a query and returns what scan makes of its first row, or ErrNoRows.
func One[T any](ctx context.Context, q Querier, scan func(Row) (T, error), sql string, args ...any) (T, error) {
	var zero T
	all, err := All(ctx, q, scan, sql, args...)
	if err != nil {
		return zero, err
	}
	if len(all) == 0 {
		return zero, ErrNoRows
	}
	return all[0], nil
}

// Value scans a row of one column.
func Value[T any](row Row) (T, error) {
	var v T
	err := row.Scan(&v)
	return v, err
}

// Micros is how a time is stored: microseconds since 1970, UTC; 0 is no time.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Time is the reverse of Micros.
func Time(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}
