package database

import (
	"context"
	"fmt"
)

// Quiesce lets nobody else append events until tx ends, so that what is read of
// them is whole. On SQLite a write transaction is alone as it is.
func Quiesce(ctx context.Context, tx Tx) error {
	switch tx.(type) {
	case *sqliteTx:
		return nil
	case *postgresTx:
		// A role that may not change events may not lock them either, but call what
		// their owner has left for that, see Permissions.
		lock := `LOCK TABLE events IN SHARE MODE`
		left, err := One(ctx, tx, Value[bool], `SELECT to_regprocedure(quote_ident(current_schema()) || '.quiesce_events()') IS NOT NULL`)
		if err != nil {
			return err
		}
		if left {
			lock = `SELECT quiesce_events()`
		}
		_, err = tx.Exec(ctx, lock)
		return err
	}
	return fmt.Errorf("database: %T is no transaction of this package", tx)
}
