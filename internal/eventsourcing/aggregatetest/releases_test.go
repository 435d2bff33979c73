package aggregatetest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/eventsourcing"
)

// jar holds sweets.
type jar struct {
	eventsourcing.Root[put]
	sweets int
}

type put struct {
	Sweets int `json:"sweets"`
}

func (put) EventName() string { return "Put" }

// table is the table of a jar which counts each sweet so many times, and whose
// events have a name.
func table(each int, name string) Table[*jar, put] {
	return Table[*jar, put]{
		New: func(id string) *jar {
			j := &jar{}
			j.Root = eventsourcing.NewRoot(id, func(e put) { j.sweets += each * e.Sweets }, func(stored string, data []byte) (put, error) {
				if stored != name {
					return put{}, fmt.Errorf("jar: unknown event %q", stored)
				}
				return eventsourcing.Decode[put](data)
			})
			return j
		},
		Show:   func(j *jar) map[string]any { return map[string]any{"Sweets": j.sweets} },
		States: []State[put]{{Name: "empty"}, {Name: "filled", Given: []put{{2}, {3}}}},
	}
}

func TestAChangeOfWhatWasReleasedIsNoticed(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.MkdirAll("testdata", 0o755))
	require.NoError(t, os.WriteFile("testdata/events.golden", []byte("Put {\"sweets\":2}\n"), 0o600))
	folder := filepath.Join("testdata", "releases", "v0.1.0")
	table(1, "Put").record(t, folder)

	require.Empty(t, table(1, "Put").differences(t, folder))
	require.Equal(t, []string{`filled: was {"Sweets":5,"Version":2} and is now {"Sweets":10,"Version":2}`}, table(2, "Put").differences(t, folder))
	require.Len(t, table(1, "Filled").differences(t, folder), 3, "two events and a state")

	more := table(1, "Put")
	show := more.Show
	more.Show = func(j *jar) map[string]any {
		all := show(j)
		all["Full"] = j.sweets > 4
		return all
	}
	require.Empty(t, more.differences(t, folder), "what was not asked then is not compared")
}
