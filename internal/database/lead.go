package database

import (
	"context"
	"fmt"
	"sync"
)

// Lead waits until this process is the only one, of all that use the database,
// that leads name. Then lost is closed when leadership is lost without release,
// and release gives it up. It fails when ctx ends, and only then.
//
// An SQLite file belongs to one process, so there only those within it compete.
func Lead(ctx context.Context, db DB, name string) (lost <-chan struct{}, release func(), err error) {
	leader, ok := db.(interface {
		lead(ctx context.Context, name string) (<-chan struct{}, func(), error)
	})
	if !ok {
		return nil, nil, fmt.Errorf("database: %s: %T has no leaders", db.Module(), db)
	}
	return leader.lead(ctx, name)
}

// leaders are those who lead within this process.
type leaders struct {
	mu    sync.Mutex
	seats map[string]chan struct{}
}

func (l *leaders) lead(ctx context.Context, name string) (<-chan struct{}, func(), error) {
	l.mu.Lock()
	if l.seats == nil {
		l.seats = map[string]chan struct{}{}
	}
	seat := l.seats[name]
	if seat == nil {
		seat = make(chan struct{}, 1)
		l.seats[name] = seat
	}
	l.mu.Unlock()
	select {
	case seat <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	var once sync.Once
	return make(chan struct{}), func() { once.Do(func() { <-seat }) }, nil
}
