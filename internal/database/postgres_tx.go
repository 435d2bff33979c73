package database

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"mallbots/internal/failpoint"
)

// postgresTx counts its round trips: BEGIN travels with the first statement,
// what is queued with the next one, COMMIT with the last of them unless what
// they return has to be looked at first. The first error is the last, as on SQLite.
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
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
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

// commit sends what is queued and COMMIT. Without a word from the server about
// COMMIT nobody knows whether it happened; Transient knows that error.
func (t *postgresTx) commit(ctx context.Context) error {
	if err := t.ready(ctx); err != nil {
		return err
	}
	if slices.ContainsFunc(t.queued, Statement.unguarded) {
		if err := t.Flush(ctx); err != nil {
			return err
		}
	}
	for i := range t.queued {
		t.queued[i].guard()
	}
	if len(t.queued) == 0 && (t.conn == nil || !t.begun()) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	failpoint.Here("commit.before")
	results, err := t.send(ctx, "commit")
	if err != nil {
		return t.unknown(err)
	}
	tag, err := results.Exec()
	if e := results.Close(); err == nil {
		err = e
	}
	failpoint.Here("commit.after")
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
