package eventsourcing_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
	"mallbots/internal/eventsourcing"
)

// A shelf is what a later release has made of its events: Filled counted in
// dozens once (version 1), then in pieces without saying of what (version 2).
type shelf struct {
	eventsourcing.Root[shelfEvent]
	pieces map[string]int
}

type shelfEvent interface {
	eventsourcing.Event
	shelf()
}

type filled struct {
	Of     string `json:"of"`
	Pieces int    `json:"pieces"`
}

func (filled) EventName() string { return "Filled.v3" }
func (filled) shelf()            {}

type emptied struct{}

func (emptied) EventName() string { return "Emptied" }
func (emptied) shelf()            {}

// toPieces and toKinds are the steps from the first version to the third.
var (
	toPieces = eventsourcing.Upcaster{Event: "Filled", From: 1, Up: func(data []byte) ([]byte, error) {
		var old struct {
			Dozens int `json:"dozens"`
		}
		if err := json.Unmarshal(data, &old); err != nil {
			return nil, err
		}
		return json.Marshal(map[string]int{"pieces": 12 * old.Dozens})
	}}
	toKinds = eventsourcing.Upcaster{Event: "Filled", From: 2, Up: func(data []byte) ([]byte, error) {
		return bytes.Replace(data, []byte("{"), []byte(`{"of":"cups",`), 1), nil
	}}
)

func newShelf(upcasters ...eventsourcing.Upcaster) func(id string) *shelf {
	return func(id string) *shelf {
		s := &shelf{pieces: map[string]int{}}
		s.Root = eventsourcing.NewRoot(id, s.apply, decodeShelf, upcasters...)
		return s
	}
}

func (s *shelf) apply(e shelfEvent) {
	switch e := e.(type) {
	case filled:
		s.pieces[e.Of] += e.Pieces
	case emptied:
		clear(s.pieces)
	}
}

func decodeShelf(name string, data []byte) (shelfEvent, error) {
	switch name {
	case filled{}.EventName():
		return eventsourcing.Decode[filled](data)
	case emptied{}.EventName():
		return eventsourcing.Decode[emptied](data)
	}
	return nil, fmt.Errorf("shelf: unknown event %q", name)
}

func TestOldVersionsAreReadThroughTheirChain(t *testing.T) {
	s := newShelf(toKinds, toPieces)("s1")
	for _, e := range []struct{ name, data string }{
		{"Filled", `{"dozens":2}`},
		{"Filled.v2", `{"pieces":3}`},
		{"Filled.v3", `{"of":"spoons","pieces":4}`},
	} {
		require.NoError(t, eventsourcing.ReplayStored(s, e.name, []byte(e.data)))
	}
	require.Equal(t, map[string]int{"cups": 27, "spoons": 4}, s.pieces)
	require.EqualValues(t, 3, s.Version(), "an event stays one event")
	require.ErrorContains(t, eventsourcing.ReplayStored(s, "Filled", []byte(`[]`)), "upcast event Filled")
	require.ErrorContains(t, eventsourcing.ReplayStored(s, "Filled.v4", []byte(`{}`)), "Filled.v4", "what a later release wrote is not guessed")
}

func TestAChainThatIsNotCompleteIsRefused(t *testing.T) {
	check := func(stored []string, upcasters ...eventsourcing.Upcaster) error {
		return eventsourcing.NewRepository("shelf", newShelf(upcasters...), nil, nil).CheckHistory(stored)
	}
	require.NoError(t, check([]string{"Emptied", "Filled", "Filled.v2", "Filled.v3"}, toPieces, toKinds))
	require.NoError(t, check(nil))
	for name, c := range map[string]struct {
		stored    []string
		upcasters []eventsourcing.Upcaster
		says      string
	}{
		"the first step is missing":     {nil, []eventsourcing.Upcaster{toKinds}, "Filled cannot be read, though Filled.v2 can: add its upcaster"},
		"the last step is missing":      {nil, []eventsourcing.Upcaster{toPieces}, "end at Filled.v2, which decode does not know"},
		"a step is there twice":         {nil, []eventsourcing.Upcaster{toPieces, toKinds, toPieces}, "two upcasters of Filled"},
		"a step does nothing":           {nil, []eventsourcing.Upcaster{{Event: "Filled", From: 1}}, "needs a version"},
		"what is stored has no chain":   {[]string{"Filled"}, nil, "shelf holds the event Filled, and there is no decode or upcaster for it"},
		"what is stored is from later":  {[]string{"Filled.v4"}, []eventsourcing.Upcaster{toPieces, toKinds}, "shelf holds the event Filled.v4"},
		"what is stored was never ours": {[]string{"Painted"}, nil, "shelf holds the event Painted"},
	} {
		t.Run(name, func(t *testing.T) { require.ErrorContains(t, check(c.stored, c.upcasters...), c.says) })
	}
	require.ErrorIs(t, check([]string{"Painted"}), eventsourcing.ErrUnreadable)
}

// TestAReleaseReadsWhatEarlierOnesStored stores with one program, and loads,
// tells and goes on with the next.
func TestAReleaseReadsWhatEarlierOnesStored(t *testing.T) {
	databasetest.Each(t, nil, func(t *testing.T, db database.DB) {
		ctx := t.Context()
		store := func(version int64, name, data string) {
			require.NoError(t, db.InTx(ctx, func(tx database.Tx) error {
				_, err := tx.Exec(ctx, `INSERT INTO events (aggregate, aggregate_id, version, id, name, data, occurred_at, actor, correlation_id, causation_id)
					VALUES ('shelf', 's1', $1, $2, $3, $4, 1, '', '', '')`, version, fmt.Sprint(version), name, data)
				return err
			}))
		}
		store(1, "Filled", `{"dozens":1}`)
		store(2, "Filled.v2", `{"pieces":1}`)

		shelves := eventsourcing.NewRepository("shelf", newShelf(toPieces, toKinds), nil, nil)
		require.NoError(t, db.InTx(ctx, func(tx database.Tx) error {
			return shelves.Update(ctx, tx, "s1", func(s *shelf) error {
				require.Equal(t, map[string]int{"cups": 13}, s.pieces)
				s.Record(filled{Of: "spoons", Pieces: 2})
				return nil
			})
		}))
		history, err := shelves.History(ctx, db, "s1")
		require.NoError(t, err)
		require.Len(t, history, 3)
		require.Equal(t, "Filled.v3", history[0].Name)
		require.JSONEq(t, `{"of":"cups","pieces":12}`, string(history[0].Data))
	})
}

// TestWhatIsStoredIsNoted is about event_names: each name once, in the
// transaction that stores the first event of it, so that the check at the start
// knows all there is without reading it.
func TestWhatIsStoredIsNoted(t *testing.T) {
	each(t, func(t *testing.T, db database.DB, lamps *eventsourcing.Repository[*lamp, event]) {
		ctx := t.Context()
		noted := func() map[string][]string {
			stored, err := eventsourcing.StoredNames(ctx, db)
			require.NoError(t, err)
			return stored
		}
		in := func(f func(ctx context.Context, tx database.Tx) error) error {
			return db.InTx(ctx, func(tx database.Tx) error { return f(ctx, tx) })
		}
		require.Empty(t, noted())
		given := fmt.Errorf("given up")
		require.ErrorIs(t, in(func(ctx context.Context, tx database.Tx) error {
			require.NoError(t, lamps.Create(ctx, tx, "l0", buy))
			return given
		}), given)
		require.Empty(t, noted(), "what was rolled back was never stored")

		require.NoError(t, in(func(ctx context.Context, tx database.Tx) error { return lamps.Create(ctx, tx, "l1", buy) }))
		require.NoError(t, in(func(ctx context.Context, tx database.Tx) error { return lamps.Update(ctx, tx, "l1", toggle) }))
		require.Equal(t, map[string][]string{"lamp": {"Bought", "Switched"}}, noted())
		require.NoError(t, lamps.CheckHistory(noted()["lamp"]))
	})
}
