package database

import (
	"context"
	"fmt"
	"io/fs"
	"regexp"
	"slices"

	"github.com/pressly/goose/v3"
)

// expand is the line by which a migration says that programs that do not know it
// run on its result as well, and why. Without it they are refused.
var expand = regexp.MustCompile(`(?m)^-- expand: \S`)

// floorTable holds what the newest program that migrated has said.
const floorTable = "schema_floor"

// floor is the least version that a program must know to run on a database with
// all of files: the last that does not merely expand.
func floor(files fs.FS) (int64, error) {
	if files == nil {
		return 0, nil
	}
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return 0, err
	}
	var least int64
	for _, name := range names {
		number, err := goose.NumericComponent(name)
		if err != nil {
			return 0, err
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return 0, err
		}
		if !expand.Match(text) {
			least = max(least, number)
		}
	}
	return least, nil
}

// tolerates says whether a program that knows the migrations known may run on a
// database where a newer program has applied more: all that it knows is there,
// and the newer program has said that the rest only expands.
func (s schema) tolerates(ctx context.Context, table string, known, applied []int64) (bool, error) {
	if !slices.Equal(known, applied[:min(len(known), len(applied))]) {
		return false, nil
	}
	said, err := s.said(ctx, table)
	return said.version == last(applied) && said.floor <= last(known), err
}

// said is a row of schema_floor; the zero value is none.
type said struct{ version, floor int64 }

func (s schema) said(ctx context.Context, table string) (said, error) {
	var tables int64
	if err := s.db.QueryRowContext(ctx, s.exists, floorTable).Scan(&tables); err != nil || tables == 0 {
		return said{}, err
	}
	rows, err := s.db.QueryContext(ctx, `SELECT version, floor FROM `+floorTable+` WHERE name = $1`, table)
	if err != nil {
		return said{}, fmt.Errorf("read %s: %w", floorTable, err)
	}
	defer func() { _ = rows.Close() }()
	var found said
	for rows.Next() {
		if err := rows.Scan(&found.version, &found.floor); err != nil {
			return said{}, err
		}
	}
	return found, rows.Err()
}

// say writes down how far a set has come, and its floor.
func (s schema) say(ctx context.Context, set set) error {
	known, err := numbers(set.files)
	if err != nil || len(known) == 0 {
		return err
	}
	least, err := floor(set.files)
	if err != nil {
		return err
	}
	_, err = s.db.ExecContext(ctx, `INSERT INTO `+floorTable+` (name, version, floor) VALUES ($1, $2, $3)
		ON CONFLICT (name) DO UPDATE SET version = excluded.version, floor = excluded.floor`, set.table, last(known), least)
	if err != nil {
		return fmt.Errorf("write %s: %w", floorTable, err)
	}
	return nil
}
