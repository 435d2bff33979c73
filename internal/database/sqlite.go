package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	_ "modernc.org/sqlite" // the driver called sqlite
)

const (
	sqliteReaders    = 8   // connections that read
	sqliteStatements = 512 // prepared statements kept; texts beyond are prepared each time
)

// sqlite is a module's SQLite file: one connection writes, a few read. The
// process must have the directory to itself.
type sqlite struct {
	topics
	leaders
	module  string
	file    string
	writers *sql.DB // one connection, which writer holds
	readers *sql.DB
	writer  *writer

	mu       sync.RWMutex
	prepared map[string]*sql.Stmt // on the readers
}

func openSQLite(ctx context.Context, config Config, migrations fs.FS) (_ DB, err error) {
	dir, err := filepath.Abs(config.Dir)
	if err != nil {
		return nil, fmt.Errorf("database: %s: %w", config.Module, err)
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("database: %s: %w", config.Module, err)
	}
	d := &sqlite{module: config.Module, file: filepath.Join(dir, config.Module+".db"), prepared: map[string]*sql.Stmt{}}
	defer func() {
		if err != nil {
			err = fmt.Errorf("database: %s: %s: %w", d.module, d.file, err)
		}
	}()
	if d.writers, err = sql.Open(config.driver(), d.source("")); err != nil {
		return nil, err
	}
	d.writers.SetMaxOpenConns(1)
	if err := migrate(ctx, config, sqliteSchema(d.writers), migrations); err != nil {
		_ = d.writers.Close()
		return nil, err
	}
	conn, err := d.writers.Conn(ctx)
	if err != nil {
		_ = d.writers.Close()
		return nil, err
	}
	if d.readers, err = sql.Open(config.driver(), d.source("&_pragma=query_only(1)")); err != nil {
		_ = d.writers.Close()
		return nil, err
	}
	d.readers.SetMaxOpenConns(sqliteReaders)
	d.readers.SetMaxIdleConns(sqliteReaders)
	d.writer = newWriter(conn)
	return d, nil
}

// source names the file and what holds for each connection. The order counts:
// a connection waits for locks from its first statement on.
func (d *sqlite) source(more string) string {
	return (&url.URL{Scheme: "file", OmitHost: true, Path: d.file}).String() +
		"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)" +
		"&_pragma=foreign_keys(1)&_pragma=cache_size(-8000)&_pragma=journal_size_limit(67108864)" +
		"&_txlock=immediate" + more
}

// Query implements DB, on the connections that read.
func (d *sqlite) Query(ctx context.Context, text string, args ...any) (Rows, error) {
	if err := bindable(text, args); err != nil {
		return nil, err
	}
	select {
	case <-d.writer.closing:
		return nil, ErrClosed
	default:
	}
	statement, err := d.prepare(ctx, text)
	if err != nil {
		return nil, err
	}
	var rows *sql.Rows
	if statement != nil {
		rows, err = statement.QueryContext(ctx, args...)
	} else {
		rows, err = d.readers.QueryContext(ctx, text, args...)
	}
	if err != nil {
		return nil, err
	}
	return readRows{rows}, nil
}

func (d *sqlite) prepare(ctx context.Context, text string) (*sql.Stmt, error) {
	d.mu.RLock()
	statement, full := d.prepared[text], len(d.prepared) >= sqliteStatements
	d.mu.RUnlock()
	if statement != nil || full {
		return statement, nil
	}
	statement, err := d.readers.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if other := d.prepared[text]; other != nil {
		_ = statement.Close()
		return other, nil
	}
	d.prepared[text] = statement
	return statement, nil
}

// Dialect implements DB.
func (d *sqlite) Dialect() Dialect { return SQLite }

// Module implements DB.
func (d *sqlite) Module() string { return d.module }

// Ping implements DB: the file is there and can be read.
func (d *sqlite) Ping(ctx context.Context) error {
	if _, err := os.Stat(d.file); err != nil {
		return fmt.Errorf("database: %s: %w", d.module, err)
	}
	if _, err := One(ctx, d, Value[int64], `SELECT count(*) FROM `+platformTable); err != nil {
		return fmt.Errorf("database: %s: %s: %w", d.module, d.file, err)
	}
	return nil
}

// Close implements DB. The transaction under way is finished, those that wait
// get ErrClosed.
func (d *sqlite) Close() error {
	mine, err := d.writer.close()
	if !mine {
		return nil
	}
	if err != nil {
		return fmt.Errorf("database: %s: %w", d.module, err)
	}
	return errors.Join(d.readers.Close(), d.writers.Close())
}

// readRows drops the error of Close: Err has told it.
type readRows struct{ *sql.Rows }

// Close implements Rows.
func (r readRows) Close() { _ = r.Rows.Close() }
