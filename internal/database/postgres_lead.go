package database

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	leadRetry = 250 * time.Millisecond // between two tries to lead
	leadCheck = time.Second            // between two looks whether the session lives
	leadProof = 3 * time.Second        // how long such a look may take

	// leadIdle is after how long without such a look the server ends the session:
	// a leader that was paused answers the kernel's keepalives all the same, and
	// would keep the others waiting for as long as it sleeps.
	leadIdle = "SET idle_session_timeout = '5s'"
)

// lead holds an advisory lock in a session of its own, outside the pool: with
// the session goes the lock, and nobody learns of that who does not ask. It
// tries again and again because a session that waits for a lock would keep the
// server from clearing dead rows away.
func (d *postgres) lead(ctx context.Context, name string) (<-chan struct{}, func(), error) {
	key := lockKey("lead", d.module+"/"+name)
	for {
		conn, err := d.seat(ctx, key)
		if err == nil {
			lost, release := d.hold(context.WithoutCancel(ctx), conn)
			return lost, release, nil
		}
		select {
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case <-time.After(leadRetry):
			// Unreachable or led by another: both may pass.
		}
	}
}

// seat returns a session that has the lock. It waits in that session as long as
// the session lives.
func (d *postgres) seat(ctx context.Context, key int64) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, d.pool.Config().ConnConfig)
	if err != nil {
		return nil, err
	}
	_, _ = conn.Exec(ctx, leadIdle) // before PostgreSQL 14 there is no such setting
	for {
		var mine bool
		err := conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, key).Scan(&mine)
		if err == nil && mine {
			return conn, nil
		}
		if err == nil {
			select {
			case <-ctx.Done():
				err = ctx.Err()
			case <-time.After(leadRetry):
				continue
			}
		}
		return nil, errors.Join(err, d.hangUp(ctx, conn))
	}
}

// hold looks after the session until it is released or lost.
func (d *postgres) hold(ctx context.Context, conn *pgx.Conn) (<-chan struct{}, func()) {
	lost, released, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		defer func() { _ = d.hangUp(ctx, conn) }()
		tick := time.NewTicker(leadCheck)
		defer tick.Stop()
		for {
			select {
			case <-released:
				return
			case <-tick.C:
			}
			proof, cancel := context.WithTimeout(ctx, leadProof)
			err := conn.Ping(proof)
			cancel()
			if err != nil {
				close(lost)
				return
			}
		}
	}()
	var once sync.Once
	return lost, func() {
		once.Do(func() { close(released) })
		<-done
	}
}

func (d *postgres) hangUp(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leadProof)
	defer cancel()
	return conn.Close(ctx)
}
