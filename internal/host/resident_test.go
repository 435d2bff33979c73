package host

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
)

// slow is a database that answers only when it may.
type slow struct {
	database.DB
	asked, may chan struct{}
}

func (s slow) Query(ctx context.Context, sql string, args ...any) (database.Rows, error) {
	s.asked <- struct{}{}
	<-s.may
	return s.DB.Query(ctx, sql, args...)
}

// A process looks every second whether its modules are still its own. That is no
// move, and refuses none.
func TestALookIsNoMove(t *testing.T) {
	db := slow{databasetest.Open(t, database.SQLite, "stores", nil), make(chan struct{}, 100), make(chan struct{})}
	r := &resident{Service: &Service{Name: "stores", DB: db}, gate: newGate()}
	p := &process{residents: []*resident{r}}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.inquireAlways(ctx) }()
	<-db.asked
	release, err := r.claim()
	require.NoError(t, err)
	release()
	close(db.may)
	stop()
	require.NoError(t, <-ended)
}
