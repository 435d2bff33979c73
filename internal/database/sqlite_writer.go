package database

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"
)

// writer owns the connection that writes.
type writer struct {
	conn     *sql.Conn
	prepared map[string]*sql.Stmt // used by whose turn it is
	queue    chan *member
	closing  chan struct{}
	closed   chan struct{}
	once     sync.Once
	many     bool // wrote together last time
}

func newWriter(conn *sql.Conn) *writer {
	w := &writer{
		conn: conn, prepared: map[string]*sql.Stmt{}, queue: make(chan *member, groupMembers),
		closing: make(chan struct{}), closed: make(chan struct{}),
	}
	go w.run()
	return w
}

// exec runs what begins, parts or ends transactions.
func (w *writer) exec(text string) error {
	statement, err := w.prepare(text)
	if err != nil {
		return err
	}
	if statement == nil {
		_, err = w.conn.ExecContext(detached, text)
	} else {
		_, err = statement.ExecContext(detached)
	}
	return err
}

// detached is the context of what the writer runs: to interrupt one statement
// would roll back the whole group.
var detached = context.Background()

// prepare returns a prepared statement, or nil when enough are kept already.
func (w *writer) prepare(text string) (*sql.Stmt, error) {
	if statement := w.prepared[text]; statement != nil {
		return statement, nil
	}
	if len(w.prepared) >= sqliteStatements {
		return nil, nil
	}
	statement, err := w.conn.PrepareContext(detached, text)
	if err != nil {
		return nil, err
	}
	w.prepared[text] = statement
	return statement, nil
}

// close waits for the group under way, at most patience. It reports whether it
// was this call that closed the writer.
func (w *writer) close() (mine bool, err error) {
	w.once.Do(func() {
		mine = true
		close(w.closing)
		select {
		case <-w.closed:
			err = w.conn.Close()
		case <-time.After(patience):
			err = errors.New("closed with a transaction under way: does it wait for something?")
		}
	})
	return mine, err
}
