package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"mallbots/internal/failpoint"
)

// ErrClock is that this machine's clock and the database server's disagree.
// Deadlines are moments: among processes whose clocks differ, one would let the
// orders of another lapse before their time.
var ErrClock = errors.New("the clocks differ; set them, by NTP for instance")

// clocksAgree is how far the clocks may be apart. Deadlines are minutes.
const clocksAgree = 30 * time.Second

// now is this machine's clock; a test sets it wrong.
var now = failpoint.Now

const serverClock = `SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)`

// compareClocks fails with ErrClock when this machine's clock is wrong, as the
// server sees it.
func compareClocks(ctx context.Context, db *sql.DB) error {
	asked := now()
	var micros int64
	if err := db.QueryRowContext(ctx, serverClock).Scan(&micros); err != nil {
		return err
	}
	return agree(asked, Time(micros), now())
}

// CompareClock fails with ErrClock when this machine's clock is wrong, as the
// server of db sees it. A database in a file knows no other.
func CompareClock(ctx context.Context, db DB) (known bool, err error) {
	if db.Dialect() != Postgres {
		return false, nil
	}
	asked := now()
	micros, err := One(ctx, db, Value[int64], serverClock)
	if err != nil {
		return true, err
	}
	return true, agree(asked, Time(micros), now())
}

// agree compares the server's clock with this machine's before and after.
func agree(asked, server, answered time.Time) error {
	switch {
	case server.Before(asked.Add(-clocksAgree)):
		return fmt.Errorf("this machine is %s ahead of the server: %w", asked.Sub(server).Round(time.Second), ErrClock)
	case server.After(answered.Add(clocksAgree)):
		return fmt.Errorf("this machine is %s behind the server: %w", server.Sub(answered).Round(time.Second), ErrClock)
	}
	return nil
}
