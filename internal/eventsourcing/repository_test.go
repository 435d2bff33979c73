package eventsourcing_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/cause"
	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
	"mallbots/internal/eventsourcing"
	"mallbots/internal/fault"
)

// A lamp is on or off, and belongs to somebody.
type lamp struct {
	eventsourcing.Root[event]
	owner string
	on    bool
	count int
}

type event interface {
	eventsourcing.Event
	lamp()
}

type bought struct {
	Owner string `json:"owner"`
}
type switched struct {
	On bool `json:"on"`
}

func (bought) EventName() string   { return "Bought" }
func (switched) EventName() string { return "Switched" }
func (bought) lamp()               {}
func (switched) lamp()             {}

func (e bought) Transform(f func(string) (string, error)) (eventsourcing.Event, error) {
	owner, err := f(e.Owner)
	return bought{Owner: owner}, err
}

func newLamp(id string) *lamp {
	l := &lamp{}
	l.Root = eventsourcing.NewRoot(id, l.apply, decode)
	return l
}

func (l *lamp) apply(e event) {
	switch e := e.(type) {
	case bought:
		l.owner = e.Owner
	case switched:
		l.on = e.On
		l.count++
	}
}

func decode(name string, data []byte) (event, error) {
	switch name {
	case bought{}.EventName():
		return eventsourcing.Decode[bought](data)
	case switched{}.EventName():
		return eventsourcing.Decode[switched](data)
	}
	return nil, fmt.Errorf("lamp: unknown event %q", name)
}

// rot13 stands for a cipher: what matters here is that it is applied.
type rot13 struct{}

func (rot13) Seal(_ context.Context, _ database.Tx, person, plain string) (string, error) {
	return "sealed:" + person + ":" + plain, nil
}

func (rot13) Open(_ context.Context, _ database.Querier, person, sealed string) (string, error) {
	var plain string
	_, err := fmt.Sscanf(sealed, "sealed:"+person+":%s", &plain)
	return plain, err
}

var migrations = fstest.MapFS{"migrations/0001_lamps.sql": {Data: []byte(`-- +goose Up
CREATE TABLE lamps (id TEXT NOT NULL PRIMARY KEY, owner TEXT NOT NULL, count BIGINT NOT NULL, version BIGINT NOT NULL);
`)}}

func project(ctx context.Context, tx database.Tx, l *lamp) error {
	tx.Queue(database.Statement{
		SQL: `INSERT INTO lamps (id, owner, count, version) VALUES ($1, $2, $3, $4)
			ON CONFLICT (id) DO UPDATE SET owner = excluded.owner, count = excluded.count, version = excluded.version`,
		Args: []any{l.ID(), l.owner, l.count, l.Version()},
	})
	return nil
}

func buy(l *lamp) error {
	l.Record(bought{Owner: "ada"})
	l.Record(switched{On: true})
	return nil
}

func toggle(l *lamp) error {
	l.Record(switched{On: !l.on})
	return nil
}

func each(t *testing.T, test func(t *testing.T, db database.DB, lamps *eventsourcing.Repository[*lamp, event])) {
	databasetest.Each(t, migrations, func(t *testing.T, db database.DB) {
		test(t, db, eventsourcing.NewRepository("lamp", newLamp, project, nil).Seal(rot13{}))
	})
}

func TestAnAggregateIsWhatHappenedToIt(t *testing.T) {
	each(t, func(t *testing.T, db database.DB, lamps *eventsourcing.Repository[*lamp, event]) {
		ctx := cause.With(t.Context(), cause.Cause{Actor: "ada", CorrelationID: "c1", CausationID: "r1"})
		require.NoError(t, db.InTx(ctx, func(tx database.Tx) error { return lamps.Create(ctx, tx, "l1", buy) }))
		between := time.Now()
		require.NoError(t, db.InTx(ctx, func(tx database.Tx) error { return lamps.Update(ctx, tx, "l1", toggle) }))

		l, err := lamps.Load(ctx, db, "l1")
		require.NoError(t, err)
		require.Equal(t, int64(3), l.Version())
		require.Equal(t, "ada", l.owner)
		require.False(t, l.on)

		l, err = lamps.LoadAt(ctx, db, "l1", between)
		require.NoError(t, err)
		require.True(t, l.on, "as it was then")

		history, err := lamps.History(ctx, db, "l1")
		require.NoError(t, err)
		require.Len(t, history, 3)
		require.JSONEq(t, `{"owner":"ada"}`, string(history[0].Data), "personal fields are opened")
		require.Equal(t, "ada", history[2].Actor)
		require.Equal(t, "c1", history[2].CorrelationID)
		require.Equal(t, "r1", history[2].CausationID)

		raw, err := database.One(ctx, db, database.Value[string], `SELECT data FROM events WHERE name = 'Bought'`)
		require.NoError(t, err)
		require.JSONEq(t, `{"owner":"sealed:l1:ada"}`, raw, "and sealed in the store")
	})
}

func TestAnUnknownAggregateIsNotFoundNeverEmpty(t *testing.T) {
	each(t, func(t *testing.T, db database.DB, lamps *eventsourcing.Repository[*lamp, event]) {
		_, err := lamps.Load(t.Context(), db, "nobody")
		require.Equal(t, fault.NotFound, fault.KindOf(err))
		require.ErrorIs(t, err, lamps.ErrNotFound())
		err = db.InTx(t.Context(), func(tx database.Tx) error { return lamps.Update(t.Context(), tx, "nobody", toggle) })
		require.ErrorIs(t, err, lamps.ErrNotFound())
		_, err = lamps.LoadAt(t.Context(), db, "nobody", time.Now())
		require.ErrorIs(t, err, lamps.ErrNotFound())
		_, err = lamps.History(t.Context(), db, "nobody")
		require.ErrorIs(t, err, lamps.ErrNotFound())
	})
}

func TestAnIDIsTakenOnce(t *testing.T) {
	each(t, func(t *testing.T, db database.DB, lamps *eventsourcing.Repository[*lamp, event]) {
		create := func() error {
			return db.InTx(t.Context(), func(tx database.Tx) error { return lamps.Create(t.Context(), tx, "l1", buy) })
		}
		require.NoError(t, create())
		err := create()
		f, ok := fault.Of(err)
		require.True(t, ok, "%v", err)
		require.Equal(t, fault.Conflict, f.Kind)
		require.Equal(t, "LAMP_EXISTS", f.Code)
	})
}

func TestOfManyWritersOfOneVersionExactlyOneWins(t *testing.T) {
	each(t, func(t *testing.T, db database.DB, lamps *eventsourcing.Repository[*lamp, event]) {
		ctx := t.Context()
		require.NoError(t, db.InTx(ctx, func(tx database.Tx) error { return lamps.Create(ctx, tx, "l1", buy) }))
		const writers, each = 8, 10
		var wins, losses atomic.Int64
		var wait sync.WaitGroup
		for range writers {
			wait.Go(func() {
				for range each {
					err := db.InTx(ctx, func(tx database.Tx) error { return lamps.Update(ctx, tx, "l1", toggle) })
					switch {
					case err == nil:
						wins.Add(1)
					case errors.Is(err, eventsourcing.ErrConflict):
						losses.Add(1)
					default:
						t.Errorf("neither won nor lost: %v", err)
					}
				}
			})
		}
		wait.Wait()
		require.Equal(t, int64(writers*each), wins.Load()+losses.Load())
		l, err := lamps.Load(ctx, db, "l1") // fails when the versions are not contiguous
		require.NoError(t, err)
		require.Equal(t, 2+wins.Load(), l.Version())
		count, err := database.One(ctx, db, database.Value[int64], `SELECT count FROM lamps WHERE id = 'l1'`)
		require.NoError(t, err)
		require.Equal(t, 1+wins.Load(), count, "the read model followed")
	})
}

func TestAPreconditionHoldsForTheFirstAggregateOfItsID(t *testing.T) {
	each(t, func(t *testing.T, db database.DB, lamps *eventsourcing.Repository[*lamp, event]) {
		ctx := t.Context()
		shades := eventsourcing.NewRepository("shade", newLamp, nil, nil).Seal(rot13{})
		require.NoError(t, db.InTx(ctx, func(tx database.Tx) error {
			return errors.Join(lamps.Create(ctx, tx, "l1", buy), shades.Create(ctx, tx, "l1", toggle))
		}))
		update := func(version int64) error {
			ctx := eventsourcing.WithPrecondition(ctx, "l1", version)
			return db.InTx(ctx, func(tx database.Tx) error {
				if err := lamps.Update(ctx, tx, "l1", toggle); err != nil {
					return err
				}
				return shades.Update(ctx, tx, "l1", toggle)
			})
		}
		require.ErrorIs(t, update(1), eventsourcing.ErrStale)
		require.NoError(t, update(2), "the shade is at another version, and not asked")
	})
}

func TestARebuildMakesTheSameReadModel(t *testing.T) {
	each(t, func(t *testing.T, db database.DB, lamps *eventsourcing.Repository[*lamp, event]) {
		ctx := t.Context()
		for i := range 450 { // more than two pages
			require.NoError(t, db.InTx(ctx, func(tx database.Tx) error {
				return lamps.Create(ctx, tx, fmt.Sprintf("l%03d", i), buy)
			}))
		}
		rows := func() []string {
			all, err := database.All(ctx, db, func(r database.Row) (string, error) {
				var id, owner string
				var count, version int64
				err := r.Scan(&id, &owner, &count, &version)
				return fmt.Sprint(id, owner, count, version), err
			}, `SELECT id, owner, count, version FROM lamps ORDER BY id`)
			require.NoError(t, err)
			return all
		}
		before := rows()
		require.Len(t, before, 450)
		require.NoError(t, db.InTx(ctx, func(tx database.Tx) error {
			if _, err := tx.Exec(ctx, `DELETE FROM lamps`); err != nil {
				return err
			}
			return lamps.Rebuild(ctx, tx)
		}))
		require.Equal(t, before, rows())
	})
}

func TestADamagedHistoryIsSaidNotFolded(t *testing.T) {
	each(t, func(t *testing.T, db database.DB, lamps *eventsourcing.Repository[*lamp, event]) {
		ctx := t.Context()
		require.NoError(t, db.InTx(ctx, func(tx database.Tx) error { return lamps.Create(ctx, tx, "l1", buy) }))
		require.NoError(t, db.InTx(ctx, func(tx database.Tx) error {
			_, err := tx.Exec(ctx, `DELETE FROM events WHERE version = 1`)
			return err
		}))
		_, err := lamps.Load(ctx, db, "l1")
		require.ErrorContains(t, err, "its history is damaged")
	})
}

func TestADecisionThatRecordsNothingWritesNothing(t *testing.T) {
	each(t, func(t *testing.T, db database.DB, lamps *eventsourcing.Repository[*lamp, event]) {
		ctx := t.Context()
		require.NoError(t, db.InTx(ctx, func(tx database.Tx) error { return lamps.Create(ctx, tx, "l1", buy) }))
		require.NoError(t, db.InTx(ctx, func(tx database.Tx) error {
			return lamps.Update(ctx, tx, "l1", func(*lamp) error { return nil })
		}))
		l, err := lamps.Load(ctx, db, "l1")
		require.NoError(t, err)
		require.Equal(t, int64(2), l.Version())
	})
}
