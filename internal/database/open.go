package database

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
)

// ErrNewer is what Open and Migrate fail with when the database was migrated
// by a newer program than this one. Nothing has been written then.
var ErrNewer = errors.New("the database is newer than this program")

// ErrClosed is what every call fails with after Close.
var ErrClosed = errors.New("database: closed")

// Config says where a module's database is.
type Config struct {
	// Module owns the database: its file is called after it, or its schema.
	Module string
	// Dir holds the SQLite files, one a module. It is made when it is missing.
	Dir string
	// URL is a PostgreSQL connection string, in either of its forms; {module}
	// in it is replaced. Empty means SQLite.
	URL string
	// Driver is the database/sql driver of SQLite files; empty means modernc's. A
	// simulator brings one that fails.
	Driver string
	// Connections is how many PostgreSQL connections there are at most; 0 means 16.
	Connections int
	// Log hears of migrations. Nil means nobody does.
	Log *slog.Logger
}

func (c Config) dialect() Dialect {
	if c.URL == "" {
		return SQLite
	}
	return Postgres
}

func (c Config) driver() string {
	if c.Driver == "" {
		return "sqlite"
	}
	return c.Driver
}

func (c Config) connectionString() string {
	return strings.ReplaceAll(c.URL, "{module}", c.Module)
}

func (c Config) log() *slog.Logger {
	if c.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return c.Log
}

// check finds a module name that could not be a file's and a schema's name.
func (c Config) check() error {
	if c.Module == "" {
		return errors.New("database: the module has no name")
	}
	for i, r := range c.Module {
		if (r < 'a' || r > 'z') && (i == 0 || r != '_' && (r < '0' || r > '9')) {
			return fmt.Errorf("database: %q cannot be a module's name: use small letters, digits and underscores", c.Module)
		}
	}
	if c.URL == "" && c.Dir == "" {
		return fmt.Errorf("database: %s: neither a directory nor a URL is given", c.Module)
	}
	return nil
}

// Open opens a module's database, and first migrates the platform's tables and
// then the module's own. The migrations are *.sql in the root of migrations or
// in its folder "migrations"; nil means none.
//
// A server that cannot be reached gives an error that Transient knows: try
// again later. A database newer than the program gives ErrNewer.
func Open(ctx context.Context, config Config, migrations fs.FS) (DB, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	if config.dialect() == SQLite {
		return openSQLite(ctx, config, migrations)
	}
	return openPostgres(ctx, config, migrations)
}

// Migrate does of Open only the migrations.
func Migrate(ctx context.Context, config Config, migrations fs.FS) error {
	db, err := Open(ctx, config, migrations)
	if err != nil {
		return err
	}
	return db.Close()
}
