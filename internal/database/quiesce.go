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
		_, err := tx.Exec(ctx, `LOCK TABLE events IN SHARE MODE`)
		return err
	}
	return fmt.Errorf("database: %T is no transaction of this package", tx)
}
