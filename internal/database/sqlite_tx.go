package database

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	sqlitedriver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"mallbots/internal/sabotage"
)

// errOver is what a transaction answers that is used after its function.
var errOver = errors.New("database: the transaction is over")

// sqliteTx is one member's turn on the connection that writes. Its first error
// is its last: what follows is not run, and it is rolled back.
type sqliteTx struct {
	afterwards
	writer  *writer
	queued  []Statement
	outside []Statement // of the outbox, when that is sabotaged
	late    bool        // it is those that are written
	rows    *sqliteRows // not closed yet
	err     error
}

// perform runs f and what f has queued.
func (t *sqliteTx) perform(ctx context.Context, f func(tx Tx) error) error {
	if err := f(t); err != nil {
		return err
	}
	return t.Flush(ctx)
}

// end leaves the connection to the next and returns the outcome.
func (t *sqliteTx) end(err error) error {
	if t.rows != nil {
		t.rows.Close()
	}
	if err == nil {
		err = t.err
	}
	t.err = errOver
	return err
}

// ready says whether a statement may run now. Only between statements can a
// context end a transaction.
func (t *sqliteTx) ready(ctx context.Context) error {
	if t.err == nil {
		t.err = ctx.Err()
	}
	if t.err == nil && t.rows != nil {
		t.err = errOpenRows
	}
	return t.err
}

func (t *sqliteTx) fail(err error) error {
	if t.err == nil {
		t.err = err
	}
	return err
}

// Queue implements Tx.
func (t *sqliteTx) Queue(s Statement) { t.queued = append(t.queued, s) }

// Flush implements Tx.
func (t *sqliteTx) Flush(ctx context.Context) error {
	if err := t.ready(ctx); err != nil {
		return err
	}
	for i := range t.queued {
		if err := t.send(&t.queued[i]); err != nil {
			return t.fail(err)
		}
	}
	clear(t.queued)
	t.queued = t.queued[:0]
	return nil
}

// send runs one queued statement.
func (t *sqliteTx) send(s *Statement) error {
	if sabotage.On(sabotage.OutboxOutside) && !t.late && strings.HasPrefix(s.SQL, "INSERT INTO outbox (") {
		t.outside = append(t.outside, *s)
		return nil
	}
	if len(s.Into) == 0 {
		affected, err := t.exec(s.SQL, s.Args)
		if s.Taken != nil && taken(err) {
			return s.Taken
		}
		if err != nil {
			return err
		}
		return s.settle(affected)
	}
	rows, err := t.query(s.SQL, s.Args)
	if err != nil {
		return err
	}
	defer rows.Close()
	var returned int64
	for rows.Next() {
		if returned++; returned == 1 {
			if err := rows.Scan(s.Into...); err != nil {
				return err
			}
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return s.settle(returned)
}

// taken reports whether err says that the key of a row is there already.
func taken(err error) bool {
	var file *sqlitedriver.Error
	return errors.As(err, &file) && (file.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || file.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
}

// Exec implements Tx.
func (t *sqliteTx) Exec(ctx context.Context, text string, args ...any) (int64, error) {
	if err := t.Flush(ctx); err != nil {
		return 0, err
	}
	affected, err := t.exec(text, args)
	if err != nil {
		return 0, t.fail(err)
	}
	return affected, nil
}

// Query implements Querier.
func (t *sqliteTx) Query(ctx context.Context, text string, args ...any) (Rows, error) {
	if err := t.Flush(ctx); err != nil {
		return nil, err
	}
	rows, err := t.query(text, args)
	if err != nil {
		return nil, t.fail(err)
	}
	t.rows = &sqliteRows{Rows: rows, tx: t}
	return t.rows, nil
}

func (t *sqliteTx) exec(text string, args []any) (int64, error) {
	if err := bindable(text, args); err != nil {
		return 0, err
	}
	statement, err := t.writer.prepare(text)
	if err != nil {
		return 0, err
	}
	var result sql.Result
	if statement != nil {
		result, err = statement.ExecContext(detached, args...)
	} else {
		result, err = t.writer.conn.ExecContext(detached, text, args...)
	}
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (t *sqliteTx) query(text string, args []any) (*sql.Rows, error) {
	if err := bindable(text, args); err != nil {
		return nil, err
	}
	statement, err := t.writer.prepare(text)
	if err != nil {
		return nil, err
	}
	if statement != nil {
		return statement.QueryContext(detached, args...)
	}
	return t.writer.conn.QueryContext(detached, text, args...)
}

// sqliteRows are rows read within the transaction.
type sqliteRows struct {
	*sql.Rows
	tx *sqliteTx
}

// Next implements Rows.
func (r *sqliteRows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	r.Close()
	return false
}

// Close implements Rows.
func (r *sqliteRows) Close() {
	_ = r.Rows.Close() // Err has told it
	if err := r.Rows.Err(); err != nil {
		_ = r.tx.fail(err)
	}
	if r.tx.rows == r {
		r.tx.rows = nil
	}
}
