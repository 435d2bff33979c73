package outbox_test

import (
	"context"
	"fmt"
	"os"

	"mallbots/internal/database"
	"mallbots/internal/outbox"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

// What is published is in the database with what made it true, or not at all.
func ExamplePublish() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	db, err := database.Open(ctx, database.Config{Module: "stores", Dir: dir}, nil)
	if err != nil {
		panic(err)
	}
	defer func() { _ = db.Close() }()

	ctx, positions := outbox.Track(ctx)
	err = db.InTx(ctx, func(tx database.Tx) error {
		// … change the store, and:
		return outbox.Publish(ctx, tx, "s1", &storesv1.StoreRebranded{StoreId: "s1", Name: "Waldorf Books"})
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(positions.Last())
	// Output: stores/s1@1 true
}
