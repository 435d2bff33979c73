//go:build !failpoint

package host

import (
	"context"

	"mallbots/internal/database"
	"mallbots/internal/inbox"
)

// witness is for tests of faults; see the other file.
func witness(context.Context, database.DB) ([]inbox.Option, error) { return nil, nil }
