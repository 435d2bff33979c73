// Package aggregatetest tells stories about aggregates: given what happened,
// when a command comes, then this happens, or the command is refused.
//
// Given is replayed through the stored encoding, so each story tests the
// aggregate's decode as well.
package aggregatetest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/eventsourcing"
)

// Case is one story. Then and Err exclude each other; both empty means that
// the command is accepted and nothing happens.
type Case[A eventsourcing.Aggregate[E], E eventsourcing.Event] struct {
	Name  string
	Given []E
	When  func(A) error
	Then  []E
	Err   error
}

// ID is the id of the aggregate that a story is about.
const ID = "01920000-0000-7000-8000-000000000001"

// Run plays each case as a test of its own.
func Run[A eventsourcing.Aggregate[E], E eventsourcing.Event](t *testing.T, blank func(id string) A, cases []Case[A, E]) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			a := blank(ID)
			require.NoError(t, eventsourcing.Replay(a, c.Given...))
			err := c.When(a)
			if c.Err != nil {
				require.ErrorIs(t, err, c.Err)
				require.Empty(t, eventsourcing.Recorded(a), "a refused command records nothing")
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.Then, eventsourcing.Recorded(a))
		})
	}
}

// Golden compares the stored form of events with a file, one line each: the
// name and the JSON. A line that changes means that history can no longer be
// read; write it anew with UPDATE_GOLDEN=1 only for an event never released.
func Golden[E eventsourcing.Event](t *testing.T, file string, events ...E) {
	t.Helper()
	var b strings.Builder
	for _, e := range events {
		data, err := json.Marshal(e)
		require.NoError(t, err)
		b.WriteString(e.EventName() + " " + string(data) + "\n")
	}
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(b.String()), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "write it with UPDATE_GOLDEN=1")
	require.Equal(t, string(want), b.String())
}
