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
	}
	return fmt.Errorf("database: %T is no transaction of this package", tx)
}
