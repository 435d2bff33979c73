package aggregatetest

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/eventsourcing"
)

// Fuzz reads anything as a stored event of an aggregate, on a blank one and on
// one with the history of a golden file: it is an event and happens, or an error
// that says what it is not, and never more than that.
func Fuzz[A eventsourcing.Aggregate[E], E eventsourcing.Event](f *testing.F, blank func(id string) A, golden string) {
	f.Helper()
	text, err := os.ReadFile(golden)
	require.NoError(f, err)
	type stored struct{ name, data string }
	var history []stored
	for line := range strings.Lines(string(text)) {
		name, data, ok := strings.Cut(strings.TrimSpace(line), " ")
		require.True(f, ok, line)
		history = append(history, stored{name, data})
		f.Add(name, []byte(data))
		f.Add(name, []byte(data[:len(data)/2]))                    // cut
		f.Add(name, []byte("null"))                                // nothing
		f.Add(name, []byte(strings.ReplaceAll(data, "1", "-9e9"))) // numbers that are none
		f.Add(name+"2", []byte(data))                              // of a release to come
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		for _, past := range [][]stored{nil, history} {
			a := blank(ID)
			for _, s := range past {
				require.NoError(t, eventsourcing.ReplayStored(a, s.name, []byte(s.data)))
			}
			before := a.Version()
			if err := eventsourcing.ReplayStored(a, name, data); err != nil {
				require.NotEmpty(t, err.Error())
				require.Equal(t, before, a.Version(), "what cannot be read has not happened")
				continue
			}
			require.Equal(t, before+1, a.Version())
		}
	})
}
