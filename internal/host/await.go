package host

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v5"

	"mallbots/internal/database"
)

// await opens a database, again and again until it is there; the part is red
// meanwhile and says why. An error that will not pass ends it; a migration that is
// due is waited for, unless this process is the one that migrates.
func (r *readiness) await(ctx context.Context, part string, log *slog.Logger, migrating bool, open func() (database.DB, error)) (database.DB, error) {
	try := func() (database.DB, error) {
		db, err := open()
		if err != nil && !database.Transient(err) && (migrating || !errors.Is(err, database.ErrMigrationDue)) {
			return nil, backoff.Permanent(err)
		}
		return db, err
	}
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 100*time.Millisecond, 3*time.Second
	db, err := backoff.Retry(ctx, try, backoff.WithBackOff(wait), backoff.WithMaxElapsedTime(0),
		backoff.WithNotify(func(err error, in time.Duration) {
			r.waiting(part, err.Error())
			log.WarnContext(ctx, "the database is not there yet, trying again", "error", err, "in", in)
		}))
	if err == nil {
		r.waiting(part, "")
	}
	return db, err
}
