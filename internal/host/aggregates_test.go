package host_test

import (
	"context"
	"fmt"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/database"
	"mallbots/internal/eventsourcing"
	"mallbots/internal/host"
	"mallbots/internal/host/hosttest"
	"mallbots/internal/outbox"
)

// bell has rung, so and so often.
type bell struct {
	eventsourcing.Root[rung]
	times int
}

type rung struct {
	name string
}

func (r rung) EventName() string { return r.name }

// belfry is a module whose bells ring events of one name. With upcasters it is
// a later release of the same.
func belfry(event string, repositories int, upcasters ...eventsourcing.Upcaster) host.Module {
	blank := func(id string) *bell {
		b := &bell{}
		b.Root = eventsourcing.NewRoot(id, func(rung) { b.times++ }, func(name string, _ []byte) (rung, error) {
			if name != event {
				return rung{}, fmt.Errorf("bell: unknown event %q", name)
			}
			return rung{name}, nil
		}, upcasters...)
		return b
	}
	return host.Module{Name: "belfry", New: func(ctx context.Context, h *host.Host) error {
		s, err := h.Service(ctx, "belfry", nil)
		if err != nil {
			return err
		}
		bells := eventsourcing.NewRepository("bell", blank, nil, nil)
		for range repositories {
			s.Aggregates(bells)
		}
		return s.DB.InTx(ctx, func(tx database.Tx) error {
			err := bells.Create(ctx, tx, "b1", func(b *bell) error { b.Record(rung{event}); return nil })
			if err == nil {
				err = tx.Flush(ctx)
			}
			return err
		})
	}}
}

// TestAProcessThatCannotReadItsHistoryDoesNotStart begins each release on the
// database that the one before it left.
func TestAProcessThatCannotReadItsHistoryDoesNotStart(t *testing.T) {
	config := host.Config{Data: t.TempDir(), Log: hosttest.Log(t)}
	begin := func(m host.Module) error {
		var opened []database.DB
		_, err := host.Assemble(t.Context(), config, host.Parts{
			Open: func(ctx context.Context, c database.Config, migrations fs.FS) (database.DB, error) {
				db, err := database.Open(ctx, c, migrations)
				opened = append(opened, db)
				return db, err
			},
			Stream: func(string) outbox.Stream { return nil },
			Health: func() error { return nil },
		}, []host.Module{m})
		for _, db := range opened {
			require.NoError(t, db.Close())
		}
		return err
	}
	same := func(data []byte) ([]byte, error) { return data, nil }

	require.NoError(t, begin(belfry("Rung", 1)))
	err := begin(reading(belfry("Rung.v2", 1)))
	require.ErrorIs(t, err, eventsourcing.ErrUnreadable)
	require.ErrorContains(t, err, "start module belfry")
	require.ErrorContains(t, err, "bell holds the event Rung, and there is no decode or upcaster for it")
	require.NoError(t, begin(reading(belfry("Rung.v2", 1, eventsourcing.Upcaster{Event: "Rung", From: 1, Up: same}))))
	require.ErrorContains(t, begin(reading(belfry("Rung", 0))), "events of the aggregate bell, which no repository of the module is for")
}

// reading is a module that finds its bell in the database and leaves it.
func reading(m host.Module) host.Module {
	mount := m.New
	m.New = func(ctx context.Context, h *host.Host) error {
		if err := mount(ctx, h); err == nil {
			return fmt.Errorf("the bell was not there")
		}
		return nil
	}
	return m
}
