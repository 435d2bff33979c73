package simulation

import (
	"context"
	"database/sql/driver"
	"errors"
)

// connection is one of database/sql's to a disk. It dies with the process that
// opened it.
type connection struct {
	disk   *disk
	life   int
	reader bool
}

// Prepare implements driver.Conn.
func (c *connection) Prepare(text string) (driver.Stmt, error) {
	if c.life != c.disk.keeper.life() {
		return nil, errDead
	}
	s, giveBack, err := c.disk.take(text)
	if err != nil {
		return nil, err
	}
	defer giveBack()
	return &statement{connection: c, text: text, inputs: s.NumInput()}, nil
}

// Close implements driver.Conn. What is not committed is gone.
func (c *connection) Close() error {
	if !c.reader && c.life == c.disk.keeper.life() {
		c.disk.powerOff()
	}
	return nil
}

// Begin implements driver.Conn. Migrations use it; modules do not.
func (c *connection) Begin() (driver.Tx, error) {
	_, err := c.ExecContext(context.Background(), "BEGIN IMMEDIATE", nil)
	return transaction{c}, err
}

// ExecContext implements driver.ExecerContext.
func (c *connection) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (result driver.Result, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err = c.disk.perform(c, text, func() error {
		result, err = c.disk.conn.(driver.ExecerContext).ExecContext(context.Background(), text, args)
		return err
	})
	return result, err
}

// QueryContext implements driver.QueryerContext.
func (c *connection) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	return (&statement{connection: c, text: text}).QueryContext(ctx, args)
}

// transaction is what migrations write in.
type transaction struct{ *connection }

// Commit implements driver.Tx.
func (t transaction) Commit() error {
	_, err := t.ExecContext(context.Background(), "COMMIT", nil)
	return err
}

// Rollback implements driver.Tx.
func (t transaction) Rollback() error {
	_, err := t.ExecContext(context.Background(), "ROLLBACK", nil)
	return err
}

// statement is a prepared one. SQLite's own are shared by all connections.
type statement struct {
	*connection
	text   string
	inputs int
}

// Close implements driver.Stmt.
func (s *statement) Close() error { return nil }

// NumInput implements driver.Stmt.
func (s *statement) NumInput() int { return s.inputs }

var errContext = errors.New("simulation: use the method with a context")

// Exec implements driver.Stmt.
func (s *statement) Exec([]driver.Value) (driver.Result, error) { return nil, errContext }

// Query implements driver.Stmt.
func (s *statement) Query([]driver.Value) (driver.Rows, error) { return nil, errContext }

// ExecContext implements driver.StmtExecContext.
func (s *statement) ExecContext(ctx context.Context, args []driver.NamedValue) (result driver.Result, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err = s.disk.perform(s.connection, s.text, func() error {
		real, giveBack, err := s.disk.take(s.text)
		if err != nil {
			return err
		}
		defer giveBack()
		result, err = real.(driver.StmtExecContext).ExecContext(context.Background(), args)
		return err
	})
	return result, err
}

// QueryContext implements driver.StmtQueryContext.
func (s *statement) QueryContext(ctx context.Context, args []driver.NamedValue) (found driver.Rows, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err = s.disk.perform(s.connection, s.text, func() error {
		real, giveBack, err := s.disk.take(s.text)
		if err != nil {
			return err
		}
		found, err = real.(driver.StmtQueryContext).QueryContext(context.Background(), args)
		if err != nil {
			giveBack()
			return err
		}
		found = &rows{Rows: found, giveBack: giveBack}
		return nil
	})
	return found, err
}

// rows give their statement back when they are closed.
type rows struct {
	driver.Rows
	giveBack func()
	closed   bool
}

// Close implements driver.Rows.
func (r *rows) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	defer r.giveBack()
	return r.Rows.Close()
}
