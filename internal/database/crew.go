package database

import (
	"context"
	"slices"
	"time"
)

// TopicCrew is notified when the crew is another one.
const TopicCrew = "crew"

// Crew is who shares the work on a module's database at a time: the processes
// that Attend.
//
// It is what one of them believed some moments ago. Two may lead for a while, or
// own the same part, and nothing but speed may depend on it.
type Crew struct {
	Self    int64     // this process; 0 while it does not attend
	Members []int64   // all of them, this one included, the longest there first
	Since   time.Time // since when Self is what it is
	Problem error     // why it does not attend, if anybody knows
}

// Leads says whether this process does what one is enough for.
func (c Crew) Leads() bool { return c.Self != 0 && c.Members[0] == c.Self }

// Owner is the member that works on part, one of 0 to parts-1. Each has as many
// as any other, or one more; they stay together, so that few change hands when
// somebody comes or goes.
func (c Crew) Owner(part, parts int) int64 {
	if len(c.Members) == 0 {
		return 0
	}
	return c.Members[part*len(c.Members)/parts]
}

func (c Crew) equal(other Crew) bool {
	return c.Self == other.Self && slices.Equal(c.Members, other.Members)
}

// alone is the crew of a process that has its database to itself.
var alone = Crew{Self: 1, Members: []int64{1}}

// attendant is a database that several processes may use.
type attendant interface {
	attend(ctx context.Context, fit func() error, ready func(self int64))
	attendance() Crew
}

// Attend makes this process one of the crew until ctx ends, whatever happens to
// its connection meanwhile, but for times at which fit says why it cannot work.
// Ready is called with its number before others can see that, and again whenever
// the number is another one. Call it once.
//
// An SQLite file belongs to one process, which is then the whole crew.
func Attend(ctx context.Context, db DB, fit func() error, ready func(self int64)) {
	if shared, ok := db.(attendant); ok {
		shared.attend(ctx, fit, ready)
		return
	}
	ready(alone.Self)
	<-ctx.Done()
}

// Attending counts the processes that attend at this moment, as the database
// knows it and whether this one is among them or not.
func Attending(ctx context.Context, db DB) (int64, error) {
	if shared, ok := db.(interface {
		attending(ctx context.Context) (int64, error)
	}); ok {
		return shared.attending(ctx)
	}
	return 0, nil // nobody else can
}

// CrewOf is who shares the work on db, as this process knows. It is cheap.
func CrewOf(db DB) Crew {
	if shared, ok := db.(attendant); ok {
		return shared.attendance()
	}
	return alone
}
