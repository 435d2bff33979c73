package database

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// postgresTx counts its round trips: BEGIN travels with the first statement,
// what is queued with the next one, COMMIT with the last of them unless their
// outcome has to be looked at first. The first error is the last, as on SQLite.
type postgresTx struct {
	afterwards
	db     *postgres
	conn   *pgxpool.Conn // nil before the first statement
	queued []Statement
	rows   *postgresRows // not closed yet
	err    error
}

// InTx implements DB. The isolation is READ COMMITTED.
func (d *postgres) InTx(ctx context.Context, f func(tx Tx) error) error {
	tx := &postgresTx{db: d}
	outcome := errUnfinished
	defer func() {
		if errors.Is(outcome, errUnfinished) { // f panics, or ended its goroutine
			_ = tx.end(ctx, outcome)
		}
	}()
	err := ctx.Err()
	if err == nil {
		err = f(tx)
	}
	if err == nil {
		err = tx.commit(ctx)
	}
	if outcome = tx.end(ctx, err); outcome != nil {
		return outcome
	}
	tx.afterwards.run(&d.topics)
	return nil
}

// end rolls back what is not committed and gives the connection back.
func (t *postgresTx) end(ctx context.Context, err error) error {
	if t.rows != nil {
		t.rows.Close()
	}
	if err == nil {
		err = t.err
	}
	t.err = errOver
	if t.conn == nil {
		return err
	}
	if conn := t.conn.Conn(); !conn.IsClosed() && conn.PgConn().TxStatus() != 'I' {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), postgresPatience)
		defer cancel()
		if _, e := conn.Exec(ctx, "rollback"); e != nil {
			_ = conn.Close(ctx)
		}
	}
	t.conn.Release()
	t.conn = nil
	return err
}

// ready says whether a statement may run now.
func (t *postgresTx) ready(ctx context.Context) error {
	if t.err == nil {
		t.err = ctx.Err()
	}
	if t.err == nil && t.rows != nil {
		t.err = errOpenRows
	}
	return t.err
}

func (t *postgresTx) fail(ctx context.Context, err error) error {
	var server *pgconn.PgError
	if t.conn != nil && t.conn.Conn().IsClosed() && ctx.Err() == nil && !errors.As(err, &server) {
		err = fmt.Errorf("%w: %w", errLost, err)
	}
	if t.err == nil {
		t.err = err
	}
	return err
}

// begun reports whether BEGIN has been sent.
func (t *postgresTx) begun() bool { return t.conn.Conn().PgConn().TxStatus() != 'I' }

// Queue implements Tx.
func (t *postgresTx) Queue(s Statement) { t.queued = append(t.queued, s) }

// Flush implements Tx.
func (t *postgresTx) Flush(ctx context.Context) error {
	if len(t.queued) == 0 {
		return t.ready(ctx)
	}
	results, err := t.send(ctx, "")
	if err != nil {
		return err
	}
	if err := results.Close(); err != nil {
		return t.fail(ctx, err)
	}
	return nil
}

// send sends what is queued, with BEGIN before it when that is due, and text
// after it unless that is empty; it looks at the outcome of all but text.
func (t *postgresTx) send(ctx context.Context, text string, args ...any) (pgx.BatchResults, error) {
	if err := t.ready(ctx); err != nil {
		return nil, err
	}
	if t.conn == nil {
		conn, err := t.db.pool.Acquire(ctx)
		if err != nil {
			return nil, t.fail(ctx, t.db.explain(err))
		}
		t.conn = conn
	}
	batch := &pgx.Batch{}
	begin := !t.begun()
	if begin {
		batch.Queue("begin")
	}
	for i := range t.queued {
		if err := bindable(t.queued[i].SQL, t.queued[i].Args); err != nil {
			return nil, t.fail(ctx, err)
		}
		batch.Queue(t.queued[i].SQL, t.queued[i].Args...)
	}
	if text != "" {
		if err := bindable(text, args); err != nil {
			return nil, t.fail(ctx, err)
		}
		batch.Queue(text, args...)
	}
	results := t.conn.SendBatch(ctx, batch)
	err := t.settle(results, begin)
	if err != nil {
		_ = results.Close() // says the same, or less
		return nil, t.fail(ctx, err)
	}
	clear(t.queued)
	t.queued = t.queued[:0]
	return results, nil
}

// settle reads and judges the outcomes of BEGIN and of what was queued.
func (t *postgresTx) settle(results pgx.BatchResults, begin bool) error {
	if begin {
		if _, err := results.Exec(); err != nil {
			return err
		}
	}
	for i := range t.queued {
		s := &t.queued[i]
		if len(s.Into) == 0 {
			tag, err := results.Exec()
			if err != nil {
				return err
			}
			if err := s.settle(tag.RowsAffected()); err != nil {
				return err
			}
			continue
		}
		rows, err := results.Query()
		if err != nil {
			return err
		}
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
		if err := s.settle(returned); err != nil {
			return err
		}
	}
	return nil
}

// Exec implements Tx.
func (t *postgresTx) Exec(ctx context.Context, text string, args ...any) (int64, error) {
	results, err := t.send(ctx, text, args...)
	if err != nil {
		return 0, err
	}
	tag, err := results.Exec()
	if e := results.Close(); err == nil {
		err = e
	}
	if err != nil {
		return 0, t.fail(ctx, err)
	}
	return tag.RowsAffected(), nil
}

// Query implements Querier.
func (t *postgresTx) Query(ctx context.Context, text string, args ...any) (Rows, error) {
	results, err := t.send(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	rows, err := results.Query()
	if err != nil {
		_ = results.Close() // says the same
		return nil, t.fail(ctx, err)
	}
	t.rows = &postgresRows{Rows: rows, ctx: ctx, tx: t, results: results}
	return t.rows, nil
}

// commit sends what is queued and COMMIT. Without a word from the server about
// COMMIT nobody knows whether it happened; Transient knows that error.
func (t *postgresTx) commit(ctx context.Context) error {
	if err := t.ready(ctx); err != nil {
		return err
	}
	if slices.ContainsFunc(t.queued, Statement.checked) {
		if err := t.Flush(ctx); err != nil {
			return err
		}
	}
	if len(t.queued) == 0 && (t.conn == nil || !t.begun()) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), postgresPatience)
	defer cancel()
	results, err := t.send(ctx, "commit")
	if err != nil {
		return t.unknown(err)
	}
	tag, err := results.Exec()
	if e := results.Close(); err == nil {
		err = e
	}
	if err == nil && tag.String() != "COMMIT" {
		err = fmt.Errorf("database: %s: the server answered %s to COMMIT", t.db.module, tag)
	}
	if err != nil {
		return t.unknown(t.fail(ctx, err))
	}
	return nil
}

// unknown marks an error after which the commit may have happened.
func (t *postgresTx) unknown(err error) error {
	if t.conn != nil && t.conn.Conn().IsClosed() {
		return fmt.Errorf("database: %s: unknown whether it was committed: %w", t.db.module, err)
	}
	return err
}

// postgresRows are rows read within the transaction.
type postgresRows struct {
	pgx.Rows
	ctx     context.Context
	tx      *postgresTx
	results pgx.BatchResults
	err     error
}

// Next implements Rows.
func (r *postgresRows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	r.Close()
	return false
}

// Close implements Rows.
func (r *postgresRows) Close() {
	if r.tx.rows != r {
		return
	}
	r.tx.rows = nil
	r.Rows.Close()
	r.err = r.Rows.Err()
	if err := r.results.Close(); r.err == nil {
		r.err = err
	}
	if r.err != nil {
		r.err = r.tx.fail(r.ctx, r.err)
	}
}

// Err implements Rows.
func (r *postgresRows) Err() error { return r.err }
