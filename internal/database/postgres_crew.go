package database

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	crewLook = 500 * time.Millisecond // how often the members are counted, if nobody tells
	crewPath = 5 * time.Second        // how long to wait for one answer of the server

	// crewIdle is after how long without a look the server takes a process for
	// gone that is paused, or behind a network that is. One that is only slow loses
	// nothing but its place.
	crewIdle = "SET idle_session_timeout = '3s'"
)

// seats is the crew of one database, and how it is told what was committed.
type seats struct {
	crew  atomic.Pointer[Crew]
	words words
}

func (s *seats) attendance() Crew {
	if crew := s.crew.Load(); crew != nil {
		return *crew
	}
	return Crew{}
}

// believe makes crew the one that this process knows.
func (d *postgres) believe(crew Crew) {
	before := d.attendance()
	crew.Since = before.Since
	if crew.Self != before.Self || crew.Since.IsZero() {
		crew.Since = time.Now()
	}
	d.seats.crew.Store(&crew)
	if !crew.equal(before) {
		d.wake(TopicCrew)
	}
}

// attend keeps a session in which this process holds an advisory lock that bears
// its number. With the process goes the session, and with that the lock: at once
// when it is killed, after crewIdle when it is paused. The session also hears
// what the other processes have committed.
func (d *postgres) attend(ctx context.Context, fit func() error, ready func(self int64)) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.spread(ctx)
	}()
	defer func() { <-done }()
	for ctx.Err() == nil {
		err := fit()
		if err == nil {
			err = d.sit(ctx, fit, ready)
		}
		d.believe(Crew{Problem: err})
		select {
		case <-ctx.Done():
		case <-time.After(leadRetry):
		}
	}
}

// sit is one session, from its beginning to its end.
func (d *postgres) sit(ctx context.Context, fit func() error, ready func(self int64)) error {
	conn, err := pgx.ConnectConfig(ctx, d.pool.Config().ConnConfig)
	if err != nil {
		return err
	}
	defer func() { _ = d.hangUp(ctx, conn) }()
	_, _ = conn.Exec(ctx, crewIdle) // before PostgreSQL 14 there is no such setting
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{d.channel()}.Sanitize()); err != nil {
		return err
	}
	class := d.class()
	self, err := d.takeSeat(ctx, conn, class, ready)
	if err != nil {
		return err
	}
	_ = d.tell(ctx, self, TopicCrew) // else they look by themselves
	for looked := (time.Time{}); ; {
		if err := fit(); err != nil {
			d.leave(ctx, conn, class, self)
			return err
		}
		if time.Since(looked) >= crewLook {
			looked = time.Now()
			if err := d.look(ctx, conn, class, self); err != nil {
				return err
			}
		}
		again, cancel := context.WithDeadline(ctx, looked.Add(crewLook))
		heard, err := conn.WaitForNotification(again)
		cancel()
		switch {
		case ctx.Err() != nil:
			d.leave(ctx, conn, class, self)
			return nil
		case conn.IsClosed():
			return fmt.Errorf("the session ended: %w", err)
		case err != nil: // time to look
		case heard != nil && d.hear(self, heard.Payload):
			looked = time.Time{}
		}
	}
}

// class is what the locks of the crew's numbers have in common: as wide as half
// an advisory lock.
func (d *postgres) class() int64 { return lockKey("crew", d.module) & 0x7fffffff }

// attending counts the numbers that are taken.
func (d *postgres) attending(ctx context.Context) (int64, error) {
	n, err := One(ctx, d, Value[int64], `SELECT count(*) `+seated, d.class())
	if err != nil {
		return 0, fmt.Errorf("database: %s: who else attends: %w", d.module, err)
	}
	return n, nil
}

// seated are the numbers of the members: the locks of a class that are held.
const seated = `FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted AND classid::bigint = $1
	AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`

// takeSeat takes the lock of a number that is higher than those of the others:
// the time in seconds, or the next.
func (d *postgres) takeSeat(ctx context.Context, conn *pgx.Conn, class int64, ready func(self int64)) (int64, error) {
	var self int64
	err := conn.QueryRow(ctx, `SELECT greatest(extract(epoch FROM clock_timestamp())::bigint % 2000000000,
		(SELECT max(objid::bigint) + 1 `+seated+`))`, class).Scan(&self)
	if err != nil {
		return 0, err
	}
	for ; ; self++ {
		ready(self)
		var mine bool
		err := conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1::int, $2::int)`, class, self).Scan(&mine)
		if err != nil || mine {
			return self, err
		}
	}
}

// look asks the server who is there. It fails when this process is not.
func (d *postgres) look(ctx context.Context, conn *pgx.Conn, class, self int64) error {
	ctx, cancel := context.WithTimeout(ctx, crewPath)
	defer cancel()
	rows, err := conn.Query(ctx, `SELECT objid::bigint `+seated+` ORDER BY 1`, class)
	if err != nil {
		return err
	}
	members, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return err
	}
	if !slices.Contains(members, self) {
		return errors.New("the session has lost its lock")
	}
	d.believe(Crew{Self: self, Members: members})
	return nil
}

// leave gives the seat up, and tells the others.
func (d *postgres) leave(ctx context.Context, conn *pgx.Conn, class, self int64) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leadProof)
	defer cancel()
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_unlock($1::int, $2::int)`, class, self); err == nil {
		_ = d.tell(ctx, self, TopicCrew) // else they look by themselves
	}
}
