package transfer

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"mallbots/internal/database"
)

// ErrDiffers is what Read and Verify fail with when the two databases cannot
// be, or are not, the same.
var ErrDiffers = errors.New("the databases differ")

// few is how many changes are made in one transaction. What is more goes in
// steps of as many: it is the copy that is made while the owner works.
const few = 10_000

// together is how many rows one statement inserts.
const together = 50

// Copy is a database on its way to be equal to another.
type Copy struct {
	db     database.DB
	tables map[string]*table
	stats  Stats
}

// Stats is what a copy has done so far.
type Stats struct {
	Tables  int   `json:"tables"`
	Rows    int64 `json:"rows"`    // that the other database has
	Written int64 `json:"written"` // inserted here, all readings together
	Deleted int64 `json:"deleted"` // deleted here; a changed row is deleted and inserted
}

// table is one of them, and the sums of the rows that it has here, by key.
type table struct {
	database.Table
	key   []int // places of the key's columns
	rows  map[string]sum
	there Total // what the other one said of it last
}

// Open reads what is in db, which nobody else writes to from here on.
func Open(ctx context.Context, db database.DB) (*Copy, error) {
	all, err := tables(ctx, db)
	if err != nil {
		return nil, err
	}
	c := &Copy{db: db, tables: map[string]*table{}}
	c.stats.Tables = len(all)
	for _, described := range all {
		t := &table{Table: described, rows: map[string]sum{}}
		for _, column := range t.Key {
			t.key = append(t.key, slices.Index(t.Columns, column))
		}
		err := each(ctx, db, t.Table, func(row []byte, values []any) error {
			key, err := t.keyOf(values)
			t.rows[key] = sumOf(row)
			return err
		})
		if err != nil {
			return nil, err
		}
		c.tables[t.Name] = t
	}
	return c, nil
}

func (t *table) keyOf(values []any) (string, error) {
	key := make([]any, len(t.key))
	for i, place := range t.key {
		key[i] = values[place]
	}
	encoded, err := encode(nil, key)
	return string(encoded), err
}

// Empty reports whether there is no row in any table.
func (c *Copy) Empty() bool {
	for _, t := range c.tables {
		if len(t.rows) > 0 {
			return false
		}
	}
	return true
}

// Stats tells what was done so far.
func (c *Copy) Stats() Stats { return c.stats }

// changes are what makes the database equal, as far as it was read.
type changes struct {
	deletes []change
	inserts []change
}

// change is one row; only its key when it is to be deleted.
type change struct {
	table *table
	key   string
	sum   sum
	args  []any
}

// Read reads what Write has written, and makes the database equal to it: by one
// transaction when that takes some thousand changes at most.
func (c *Copy) Read(ctx context.Context, r io.Reader) error {
	in := bufio.NewReaderSize(r, 1<<16)
	var todo changes
	seen := map[string]bool{}
	c.stats.Rows = 0
	for {
		kind, data, err := next(in)
		switch {
		case err != nil:
			return err
		case kind == frameDone:
			for name := range c.tables {
				if !seen[name] {
					return fmt.Errorf("transfer: %w: only this one has the table %s; run the same release in both processes", ErrDiffers, name)
				}
			}
			return c.apply(ctx, &todo)
		case kind != frameTable:
			return fmt.Errorf("transfer: a frame %q where a table begins", kind)
		}
		t, err := c.meet(data)
		if err != nil {
			return err
		}
		seen[t.Name] = true
		if err := c.readTable(ctx, in, t, &todo); err != nil {
			return err
		}
	}
}

// meet finds the table that is described, which must be the same here.
func (c *Copy) meet(data []byte) (*table, error) {
	var there database.Table
	if err := json.Unmarshal(data, &there); err != nil {
		return nil, fmt.Errorf("transfer: describe a table: %w", err)
	}
	t := c.tables[there.Name]
	if t == nil {
		return nil, fmt.Errorf("transfer: %w: only the other one has the table %s; run the same release in both processes", ErrDiffers, there.Name)
	}
	if !slices.Equal(t.Columns, there.Columns) || !slices.Equal(t.Key, there.Key) {
		return nil, fmt.Errorf("transfer: %w: %s has the columns %v there and %v here; run the same release in both processes",
			ErrDiffers, t.Name, there.Columns, t.Columns)
	}
	return t, nil
}

// readTable reads the rows of one table, and adds to todo what they change.
func (c *Copy) readTable(ctx context.Context, in *bufio.Reader, t *table, todo *changes) error {
	fresh := len(t.rows) == 0 // then nothing is deleted, and there is no reason to wait
	gone := make(map[string]bool, len(t.rows))
	for key := range t.rows {
		gone[key] = true
	}
	var total Total
	for {
		kind, data, err := next(in)
		if err != nil {
			return err
		}
		if kind == frameEnd {
			if err := json.Unmarshal(data, &t.there); err != nil {
				return fmt.Errorf("transfer: end of %s: %w", t.Name, err)
			}
			break
		}
		if kind != frameRow {
			return fmt.Errorf("transfer: a frame %q among the rows of %s", kind, t.Name)
		}
		values, err := decode(data, len(t.Columns))
		if err != nil {
			return fmt.Errorf("transfer: a row of %s: %w", t.Name, err)
		}
		key, err := t.keyOf(values)
		if err != nil {
			return err
		}
		next := change{table: t, key: key, sum: sumOf(data), args: values}
		total.add(next.sum)
		delete(gone, key)
		switch here, known := t.rows[key]; {
		case known && here == next.sum:
			continue
		case known:
			todo.deletes = append(todo.deletes, change{table: t, key: key})
		}
		todo.inserts = append(todo.inserts, next)
		if fresh && len(todo.deletes) == 0 && len(todo.inserts) >= few {
			if err := c.apply(ctx, todo); err != nil {
				return err
			}
		}
	}
	for key := range gone {
		todo.deletes = append(todo.deletes, change{table: t, key: key})
	}
	c.stats.Rows += total.Rows
	if total != t.there {
		return fmt.Errorf("transfer: %w: %s arrived with other rows than were sent", ErrDiffers, t.Name)
	}
	return nil
}
