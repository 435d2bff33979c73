package database

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
	sqlitedriver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Transient reports whether err may be gone when the same is tried again: the
// server or the connection is lost, a lock is held, transactions got in each
// other's way, the disk is full or fails, time ran out. That the caller gave up
// (context.Canceled) is not such an error.
//
// A transaction that failed so in its commit may have been committed all the
// same: who tries again must be able to tell.
func Transient(err error) bool {
	var server *pgconn.PgError
	var file *sqlitedriver.Error
	var connect *pgconn.ConnectError
	var network net.Error
	switch {
	case err == nil:
		return false
	case errors.Is(err, errGroup), errors.Is(err, errLost), errors.Is(err, ErrClock):
		return true
	case errors.As(err, &server):
		return transientState(server.Code)
	case errors.As(err, &file):
		return transientCode(file.Code())
	case errors.Is(err, context.DeadlineExceeded):
		return true
	case errors.Is(err, context.Canceled):
		return false
	case errors.As(err, &connect), errors.As(err, &network), pgconn.SafeToRetry(err), pgconn.Timeout(err):
		return true
	}
	for _, known := range []error{
		net.ErrClosed, io.EOF, io.ErrUnexpectedEOF,
		syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EPIPE, syscall.ENOSPC, syscall.EIO,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// errLost: a connection broke and the server said nothing about it.
var errLost = errors.New("the connection is lost")

// transientState judges an SQLSTATE.
func transientState(code string) bool {
	switch code {
	case "40001", // serialization failure
		"40P01",                                     // deadlock
		"55P03",                                     // a lock is not available
		"25P03",                                     // a transaction was paused for too long
		"57P01", "57P02", "57P03", "57P04", "57P05": // the server shuts down, starts, or cut an idle session
		return true
	}
	return strings.HasPrefix(code, "08") || // connection
		strings.HasPrefix(code, "53") || // out of disk, memory or connections
		strings.HasPrefix(code, "58") // I/O
}

// transientCode judges SQLite's result code; its low byte is the kind.
func transientCode(code int) bool {
	switch code & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL:
		return true
	}
	return false
}
