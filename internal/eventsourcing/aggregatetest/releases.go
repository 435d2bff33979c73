package aggregatetest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/eventsourcing"
)

// Releases folds what every release has stored, testdata/releases/<release>/,
// with the code of today, and requires that the states are those that the
// release recorded. A folder is written once, by the release itself:
//
//	MALLBOTS_RELEASE=v0.2.0 go test ./<module>/internal/<aggregate> -run Release
//
// It holds the histories, the bytes of their events as they lie in the store,
// and the hash of the state that each folds to; the state itself stands beside
// the hash, to be read when it differs.
func (x Table[A, E]) Releases(t *testing.T) {
	t.Helper()
	if release := os.Getenv("MALLBOTS_RELEASE"); release != "" {
		x.record(t, filepath.Join("testdata", "releases", release))
	}
	folders, err := filepath.Glob(filepath.Join("testdata", "releases", "*"))
	require.NoError(t, err)
	require.NotEmpty(t, folders, "no release has been recorded")
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			require.Empty(t, x.differences(t, folder), "what was released is read differently now")
		})
	}
}

// differences are the histories of a release that fold to another state today,
// or to none.
func (x Table[A, E]) differences(t *testing.T, folder string) []string {
	t.Helper()
	var found []string
	for _, life := range readArchive(t, folder) {
		a := x.New(ID)
		for _, e := range life.events {
			if err := eventsourcing.ReplayStored(a, e.name, []byte(e.data)); err != nil {
				found = append(found, fmt.Sprintf("%s: %s can no longer be read: %s", life.name, e.name, err))
			}
		}
		if state, hash := x.hash(t, a, life.state); hash != life.hash {
			found = append(found, fmt.Sprintf("%s: was %s and is now %s", life.name, life.state, state))
		}
	}
	return found
}

// life is a history in an archive, with the state it led to.
type life struct {
	name, state, hash string
	events            []stored
}

// The files of a release. In events, a line "# name" begins a history; in
// states, each line is a history's hash, name and state.
const (
	eventsFile = "events"
	statesFile = "states"
)

// record writes the archive of a release, which must not be there yet.
func (x Table[A, E]) record(t *testing.T, folder string) {
	t.Helper()
	require.NoDirExists(t, folder, "a release is recorded once")
	var events, states strings.Builder
	kept := map[string]bool{}
	for _, s := range append(append([]State[E](nil), x.States...), x.Lives...) {
		events.WriteString("# " + s.Name + "\n")
		for _, e := range encode(t, s.Given) {
			kept[e.name] = true
			events.WriteString(e.name + " " + e.data + "\n")
		}
		state, hash := x.hash(t, x.at(t, s), "")
		states.WriteString(hash + " " + s.Name + ": " + state + "\n")
	}
	for line := range strings.Lines(string(readFile(t, "testdata/events.golden"))) {
		name, _, _ := strings.Cut(line, " ")
		require.True(t, kept[name], "no history has %s: add one to Lives", name)
	}
	require.NoError(t, os.MkdirAll(folder, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(folder, eventsFile), []byte(events.String()), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(folder, statesFile), []byte(states.String()), 0o644))
}

// readArchive reads what a release has recorded.
func readArchive(t *testing.T, folder string) []*life {
	t.Helper()
	var lives []*life
	for line := range strings.Lines(string(readFile(t, filepath.Join(folder, eventsFile)))) {
		line = strings.TrimSuffix(line, "\n")
		if name, begins := strings.CutPrefix(line, "# "); begins {
			lives = append(lives, &life{name: name})
			continue
		}
		require.NotEmpty(t, lives, "%s begins with no history", folder)
		name, data, ok := strings.Cut(line, " ")
		require.True(t, ok, "%s: %q is no event", folder, line)
		last := lives[len(lives)-1]
		last.events = append(last.events, stored{name, data})
	}
	lines := strings.Split(strings.TrimSuffix(string(readFile(t, filepath.Join(folder, statesFile))), "\n"), "\n")
	require.Len(t, lines, len(lives), "%s: each history has a state", folder)
	for i, line := range lines {
		hash, rest, _ := strings.Cut(line, " ")
		name, state, _ := strings.Cut(rest, ": ")
		require.Equal(t, lives[i].name, name, folder)
		lives[i].hash, lives[i].state = hash, state
	}
	require.NotEmpty(t, lives)
	return lives
}

// hash is what can be seen of an aggregate, and the hash of it. What could not
// be seen yet when the state then was recorded is left out.
func (x Table[A, E]) hash(t *testing.T, a A, then string) (state, hash string) {
	t.Helper()
	now := x.Show(a)
	now["Version"] = a.Version()
	if then != "" {
		var seen map[string]json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(then), &seen))
		maps.DeleteFunc(now, func(name string, _ any) bool { return seen[name] == nil })
	}
	data, err := json.Marshal(now)
	require.NoError(t, err)
	sum := sha256.Sum256(data)
	return string(data), hex.EncodeToString(sum[:])
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	return data
}
