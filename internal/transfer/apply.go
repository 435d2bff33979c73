package transfer

import (
	"context"
	"fmt"
	"slices"

	"mallbots/internal/database"
)

// apply makes the changes: first everything that goes, so that what comes finds
// its place free. Then it forgets them.
func (c *Copy) apply(ctx context.Context, todo *changes) error {
	err := c.db.InTx(ctx, func(tx database.Tx) error {
		for i, d := range todo.deletes {
			key, err := decode([]byte(d.key), len(d.table.Key))
			if err != nil {
				return err
			}
			tx.Queue(database.Statement{SQL: d.table.Delete(), Args: key, Rows: 1})
			if i%together == 0 {
				if err := tx.Flush(ctx); err != nil {
					return err
				}
			}
		}
		for rest := todo.inserts; len(rest) > 0; {
			n := run(rest)
			var args []any
			for _, row := range rest[:n] {
				args = append(args, row.args...)
			}
			tx.Queue(database.Statement{SQL: rest[0].table.Insert(c.db.Dialect(), n), Args: args, Rows: int64(n)})
			if err := tx.Flush(ctx); err != nil {
				return fmt.Errorf("insert into %s: %w", rest[0].table.Name, err)
			}
			rest = rest[n:]
		}
		return database.Renumber(ctx, tx, c.db.Dialect())
	})
	if err != nil {
		return fmt.Errorf("transfer: %w", err)
	}
	for _, d := range todo.deletes {
		delete(d.table.rows, d.key)
	}
	for _, row := range todo.inserts {
		row.table.rows[row.key] = row.sum
	}
	c.stats.Deleted += int64(len(todo.deletes))
	c.stats.Written += int64(len(todo.inserts))
	*todo = changes{}
	return nil
}

// run is how many of the first rows go into one statement: all of one table, and
// either as many as go together or one, so that there are few texts.
func run(rows []change) int {
	if len(rows) < together {
		return 1
	}
	other := slices.IndexFunc(rows[:together], func(row change) bool { return row.table != rows[0].table })
	if other >= 0 {
		return 1
	}
	return together
}

// Verify reads the database and compares it with what the other one said of its
// tables when it was read last.
func (c *Copy) Verify(ctx context.Context) error {
	for _, t := range c.tables {
		var here Total
		err := each(ctx, c.db, t.Table, func(row []byte, _ []any) error {
			here.add(sumOf(row))
			return nil
		})
		if err != nil {
			return err
		}
		if here != t.there {
			return fmt.Errorf("transfer: %w: %s has %d rows here and %d there, or their contents are not the same", ErrDiffers, t.Name, here.Rows, t.there.Rows)
		}
	}
	return nil
}
