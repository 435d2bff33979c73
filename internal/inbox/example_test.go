package inbox_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing/fstest"

	"mallbots/internal/database"
	"mallbots/internal/inbox"
	basketsv1 "mallbots/proto/mallbots/baskets/v1"
)

// A module that listens to baskets says what becomes of each of their events,
// and Check finds the one it forgot.
func ExampleOn() {
	dir, err := os.MkdirTemp("", "inbox")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	db, err := database.Open(context.Background(), database.Config{Module: "ordering", Dir: dir}, fstest.MapFS{})
	if err != nil {
		panic(err)
	}
	defer func() { _ = db.Close() }()

	in := inbox.New(db, slog.Default())
	inbox.On(in, func(_ context.Context, tx database.Tx, e *basketsv1.BasketCheckedOut) error {
		// what is written in tx commits together with the record that e was applied
		return nil
	})
	inbox.Ignore[*basketsv1.BasketStarted](in)
	fmt.Println(in.Check())
	// Output:
	// inbox ordering: mallbots.baskets.v1.BasketCanceled is neither handled nor ignored; add inbox.On or inbox.Ignore
}
