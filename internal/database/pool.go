package database

import "time"

// Pool says how busy the connections of a database are: all of them with
// PostgreSQL, those that read with SQLite, whose writers share one.
type Pool struct {
	Most, Busy, Idle int
	Waits            int64         // how often somebody had to wait for a connection
	Waited           time.Duration // for how long in all
}

// PoolOf is how busy db is at the moment. A database without connections of its
// own has none.
func PoolOf(db DB) Pool {
	if busy, ok := db.(interface{ busy() Pool }); ok {
		return busy.busy()
	}
	return Pool{}
}

func (d *postgres) busy() Pool {
	s := d.pool.Stat()
	return Pool{
		Most: int(s.MaxConns()), Busy: int(s.AcquiredConns()), Idle: int(s.IdleConns()),
		Waits: s.EmptyAcquireCount(), Waited: s.EmptyAcquireWaitTime(),
	}
}

func (d *sqlite) busy() Pool {
	s := d.readers.Stats()
	return Pool{Most: s.MaxOpenConnections, Busy: s.InUse, Idle: s.Idle, Waits: s.WaitCount, Waited: s.WaitDuration}
}
