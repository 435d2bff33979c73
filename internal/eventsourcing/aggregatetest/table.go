package aggregatetest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/eventsourcing"
	"mallbots/internal/fault"
)

// Table is all that an aggregate can be asked, in every state it can be in.
type Table[A eventsourcing.Aggregate[E], E eventsourcing.Event] struct {
	New func(id string) A
	// State says which of the states a is in.
	State func(a A) string
	// Show is everything that can be seen of a, by the names of the methods that
	// tell it: what a later release must make of the same history.
	Show     func(a A) map[string]any
	States   []State[E]
	Commands []Command[A]
	// Lives are more histories, for the events that lead to no state of their own.
	Lives []State[E]
}

// State is a name for a state, and a history that leads there.
type State[E eventsourcing.Event] struct {
	Name  string
	Given []E
}

// Command is a method that decides, called as it would be in a good case.
type Command[A any] struct {
	Name string
	Do   func(A) error
}

// Run gives every command in every state and compares what becomes of it with
// testdata/commands.golden, a table that people read too. A command that leads
// to a state without a row fails. UPDATE_GOLDEN=1 writes the table.
func (x Table[A, E]) Run(t *testing.T) {
	t.Helper()
	known := map[string]bool{}
	for _, s := range x.States {
		known[s.Name] = true
	}
	var b strings.Builder
	b.WriteString("| state |")
	rule := "|---|"
	for _, c := range x.Commands {
		b.WriteString(" " + c.Name + " |")
		rule += "---|"
	}
	b.WriteString("\n" + rule + "\n")
	for _, s := range x.States {
		b.WriteString("| " + s.Name + " |")
		for _, c := range x.Commands {
			a := x.at(t, s)
			require.Equal(t, s.Name, x.State(a), "the history of the state %q leads elsewhere", s.Name)
			err := c.Do(a)
			b.WriteString(" " + answer(t, s.Name+": "+c.Name, eventsourcing.Recorded(a), err))
			if next := x.State(a); next != s.Name {
				require.True(t, known[next], "%s in the state %q leads to %q, which has no row", c.Name, s.Name, next)
				b.WriteString(" → " + next)
			}
			b.WriteString(" |")
		}
		b.WriteString("\n")
	}
	golden(t, "testdata/commands.golden", b.String())
}

// at is an aggregate with a history.
func (x Table[A, E]) at(t *testing.T, s State[E]) A {
	t.Helper()
	a := x.New(ID)
	require.NoError(t, eventsourcing.Replay(a, s.Given...), s.Name)
	return a
}

// answer is what became of a command, in a cell.
func answer[E eventsourcing.Event](t *testing.T, pair string, recorded []E, err error) string {
	t.Helper()
	if err != nil {
		refusal, ok := fault.Of(err)
		require.True(t, ok, "%s fails with what is no refusal: %v", pair, err)
		require.Empty(t, recorded, "%s is refused, and records", pair)
		return "refused: " + refusal.Code
	}
	if len(recorded) == 0 {
		return "nothing"
	}
	names := make([]string, 0, len(recorded))
	for _, e := range recorded {
		names = append(names, e.EventName())
	}
	return strings.Join(names, ", ")
}

// golden compares text with a file; UPDATE_GOLDEN=1 writes it.
func golden(t *testing.T, file, text string) {
	t.Helper()
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "write it with UPDATE_GOLDEN=1")
	require.Equal(t, string(want), text)
}

// stored is an event as it is in the store: a name and JSON.
type stored struct {
	name string
	data string
}

// encode is how events are stored.
func encode[E eventsourcing.Event](t *testing.T, events []E) []stored {
	t.Helper()
	all := make([]stored, 0, len(events))
	for _, e := range events {
		data, err := json.Marshal(e)
		require.NoError(t, err)
		all = append(all, stored{e.EventName(), string(data)})
	}
	return all
}
