package database

import (
	"cmp"
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

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
		batch.Queue(cmp.Or(t.queued[i].guarded, t.queued[i].SQL), t.queued[i].Args...)
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
				return s.failed(err)
			}
			if s.guarded != "" {
				continue
			}
			if err := s.settle(tag.RowsAffected()); err != nil {
				return err
			}
			continue
		}
		rows, err := results.Query()
		if err != nil {
			return s.failed(err)
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
			return s.failed(err)
		}
		if err := s.settle(returned); err != nil {
			return err
		}
	}
	return nil
}

// failed is what an error of the server means.
func (s Statement) failed(err error) error {
	const divisionByZero, uniqueViolation = "22012", "23505"
	var server *pgconn.PgError
	switch {
	case !errors.As(err, &server):
	case s.guarded != "" && server.Code == divisionByZero:
		return s.otherwise()
	case s.Taken != nil && server.Code == uniqueViolation:
		return s.Taken
	}
	return err
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
