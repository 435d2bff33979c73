//go:build failpoint

package host

import (
	"context"
	"fmt"

	"mallbots/internal/database"
	"mallbots/internal/inbox"
)

// witness has every call of a handler noted in a table that allows the same
// message twice, in the transaction of the effects: what was applied twice, or
// out of order, can be seen there.
func witness(ctx context.Context, db database.DB) ([]inbox.Option, error) {
	id := "INTEGER PRIMARY KEY AUTOINCREMENT"
	if db.Dialect() == database.Postgres {
		id = "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
	}
	err := db.InTx(ctx, func(tx database.Tx) error {
		_, err := tx.Exec(ctx, `CREATE TABLE IF NOT EXISTS witness (id `+id+`, consumer TEXT NOT NULL, message_id TEXT NOT NULL)`)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("make the table of what was applied: %w", err)
	}
	return []inbox.Option{inbox.Witness(func(ctx context.Context, tx database.Tx, consumer, message string) error {
		_, err := tx.Exec(ctx, `INSERT INTO witness (consumer, message_id) VALUES ($1, $2)`, consumer, message)
		return err
	})}, nil
}
