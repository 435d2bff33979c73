package database

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"

	"github.com/pressly/goose/v3"
)

// The tables that hold which migrations have run.
const (
	platformTable = "goose_platform"
	moduleTable   = "goose_module"
)

//go:embed migrations
var platformMigrations embed.FS

// schema is where migrations run.
type schema struct {
	db      *sql.DB
	dialect goose.Dialect
	folder  string // of the platform's migrations
	exists  string // counts the tables called $1
	// lock makes other processes wait that want to migrate the same.
	lock func(ctx context.Context) (unlock func(), err error)
}

// sqliteSchema migrates on the connection that writes. The file belongs to the
// process alone.
func sqliteSchema(db *sql.DB) schema {
	return schema{
		db: db, dialect: goose.DialectSQLite3, folder: "migrations/sqlite",
		exists: `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = $1`,
		lock:   func(context.Context) (func(), error) { return func() {}, nil },
	}
}

// set is a folder of migrations and the table that knows which have run.
type set struct {
	table string
	files fs.FS
}

// migrate runs what has not run yet: the platform's migrations, then the
// module's. It looks at both before it writes anything, so that a database of a
// newer program stays as it is; when there is nothing to do, it only looks.
func migrate(ctx context.Context, config Config, s schema, migrations fs.FS) error {
	platform, err := fs.Sub(platformMigrations, s.folder)
	if err != nil {
		return err
	}
	sets := []set{{platformTable, platform}, {moduleTable, root(migrations)}}
	if pending, err := s.pending(ctx, sets); err != nil || len(pending) == 0 {
		return err
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	pending, err := s.pending(ctx, sets) // whoever had the lock may have done it
	if err != nil {
		return err
	}
	for _, set := range pending {
		provider, err := goose.NewProvider(s.dialect, s.db, set.files,
			goose.WithTableName(set.table), goose.WithDisableGlobalRegistry(true), goose.WithSlog(slog.New(slog.DiscardHandler)))
		if err != nil {
			return fmt.Errorf("migrations of %s: %w", set.table, err)
		}
		results, err := provider.Up(ctx)
		var partial *goose.PartialError
		if errors.As(err, &partial) {
			return fmt.Errorf("migrate %s: %s: %w", set.table, partial.Failed.Source.Path, partial.Err)
		}
		if err != nil {
			return fmt.Errorf("migrate %s: %w", set.table, err)
		}
		for _, result := range results {
			config.log().InfoContext(ctx, "migrated", "module", config.Module, "table", set.table,
				"migration", result.Source.Path, "duration", result.Duration)
		}
		if err := s.say(ctx, set); err != nil {
			return err
		}
	}
	if s.dialect == goose.DialectPostgres {
		return s.restrict(ctx)
	}
	return nil
}

// pending are the sets that have not run in full.
func (s schema) pending(ctx context.Context, sets []set) ([]set, error) {
	var pending []set
	for _, set := range sets {
		known, err := numbers(set.files)
		if err != nil {
			return nil, err
		}
		applied, err := s.applied(ctx, set.table)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", set.table, err)
		}
		if last(applied) > last(known) {
			tolerated, err := s.tolerates(ctx, set.table, known, applied)
			if err != nil {
				return nil, err
			}
			if !tolerated {
				return nil, fmt.Errorf("%w: %s has version %d, this program knows %d: run the newer program, or restore the backup taken before it ran",
					ErrNewer, set.table, last(applied), last(known))
			}
			continue
		}
		said, err := s.said(ctx, set.table)
		if err != nil {
			return nil, err
		}
		if !slices.Equal(known, applied) || said.version != last(known) { // said is missing after a crash between the two
			pending = append(pending, set)
		}
	}
	return pending, nil
}

// root is the folder of migrations that holds the files.
func root(migrations fs.FS) fs.FS {
	if migrations == nil {
		return nil
	}
	if info, err := fs.Stat(migrations, "migrations"); err == nil && info.IsDir() {
		if sub, err := fs.Sub(migrations, "migrations"); err == nil {
			return sub
		}
	}
	return migrations
}

// numbers are the versions that files bring, in order.
func numbers(files fs.FS) ([]int64, error) {
	if files == nil {
		return nil, nil
	}
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, err
	}
	var all []int64
	for _, name := range names {
		number, err := goose.NumericComponent(name)
		if err != nil {
			return nil, fmt.Errorf("migration %s: call it 0001_what_it_does.sql: %w", name, err)
		}
		all = append(all, number)
	}
	slices.Sort(all)
	return all, nil
}

func last(versions []int64) int64 {
	if len(versions) == 0 {
		return 0
	}
	return versions[len(versions)-1]
}

// applied are the versions that table says have run, in order.
func (s schema) applied(ctx context.Context, table string) ([]int64, error) {
	var tables int64
	if err := s.db.QueryRowContext(ctx, s.exists, table).Scan(&tables); err != nil || tables == 0 {
		return nil, err
	}
	rows, err := s.db.QueryContext(ctx, `SELECT version_id FROM `+table+` WHERE version_id > 0 ORDER BY version_id`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var all []int64
	for rows.Next() {
		var version int64
		if err := rows.Scan(&version); err != nil {
			return nil, err
		}
		all = append(all, version)
	}
	return all, errors.Join(rows.Err(), rows.Close())
}
