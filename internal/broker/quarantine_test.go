package broker

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// crashed makes a store of 1000 messages as a crash leaves it, and returns its
// directory.
func crashed(t *testing.T) string {
	t.Helper()
	running := t.TempDir()
	b, err := Embedded(t.Context(), running, quiet())
	require.NoError(t, err)
	s := ensured(t, b, "baskets")
	for last := uint64(0); last < 1000; last += 100 {
		_, err := s.Append(t.Context(), last, some(fmt.Sprint("a", last), 100))
		require.NoError(t, err)
	}
	arrived := collect(t, b, "ordering", "baskets")
	for range 1000 {
		next(t, arrived, patience)
	}
	image := t.TempDir()
	require.NoError(t, os.CopyFS(image, os.DirFS(running)))
	closeBroker(t, b)
	require.NoFileExists(t, filepath.Join(running, "running"))
	require.FileExists(t, filepath.Join(image, "running"))
	return image
}

// files are those of the store whose names match.
func files(t *testing.T, dir, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "jetstream", "$G", "streams", "MALLBOTS_BASKETS", pattern))
	require.NoError(t, err)
	require.NotEmpty(t, found, pattern)
	return found
}

// change rewrites the last file that matches.
func change(t *testing.T, dir, pattern string, how func(data []byte) []byte) {
	t.Helper()
	all := files(t, dir, pattern)
	file := all[len(all)-1]
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, how(data), 0o600))
}

func TestADamagedStoreIsMendedOrMovedAway(t *testing.T) {
	image := crashed(t)
	type damage struct {
		name string
		do   func(t *testing.T, dir string)
	}
	cut := func(n int) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			change(t, dir, "msgs/*.blk", func(data []byte) []byte { return data[:len(data)-n] })
		}
	}
	damages := []damage{
		{"nothing", func(*testing.T, string) {}},
		{"torn tail of 100 bytes", cut(100)},
		{"torn tail of 20 kB", cut(20_000)},
		{"zeroed tail", func(t *testing.T, dir string) {
			change(t, dir, "msgs/*.blk", func(data []byte) []byte { clear(data[len(data)-4096:]); return data })
		}},
		{"block removed", func(t *testing.T, dir string) {
			for _, file := range files(t, dir, "msgs/*.blk") {
				require.NoError(t, os.Remove(file))
			}
		}},
		{"directory deleted", func(t *testing.T, dir string) { require.NoError(t, os.RemoveAll(filepath.Join(dir, "jetstream"))) }},
		{"settings emptied", func(t *testing.T, dir string) { change(t, dir, "meta.inf", func([]byte) []byte { return nil }) }},
		{"consumer's state flipped", func(t *testing.T, dir string) {
			change(t, dir, "obs/ordering/*.dat", func(data []byte) []byte { data[len(data)/2] ^= 1; return data })
		}},
	}
	for percent := 0; percent < 100; percent += 10 {
		damages = append(damages, damage{fmt.Sprintf("bit flipped at %d%%", percent), func(t *testing.T, dir string) {
			change(t, dir, "msgs/*.blk", func(data []byte) []byte { data[len(data)*percent/100] ^= 1 << (percent % 8); return data })
		}})
	}
	for i, d := range damages {
		for _, index := range []bool{true, false} {
			if strings.HasPrefix(d.name, "bit") && index != (i%2 == 0) {
				continue // one of the two, in turn
			}
			t.Run(fmt.Sprintf("%s, index %v", d.name, index), func(t *testing.T) {
				dir := t.TempDir()
				require.NoError(t, os.CopyFS(dir, os.DirFS(image)))
				d.do(t, dir)
				if !index {
					_ = os.Remove(filepath.Join(dir, "jetstream", "$G", "streams", "MALLBOTS_BASKETS", "msgs", "index.db"))
				}
				began := time.Now()
				b, err := Embedded(t.Context(), dir, quiet())
				require.NoError(t, err)
				took := time.Since(began)
				defer closeBroker(t, b)
				require.NoError(t, b.Health())
				s := ensured(t, b, "baskets")
				last, err := s.Last(t.Context())
				require.NoError(t, err)
				moved, _ := filepath.Glob(filepath.Join(dir, "quarantine", "*", "jetstream"))
				t.Logf("started in %s with %d messages, quarantined: %v", took.Round(time.Millisecond), last, len(moved) > 0)
				if d.name == "nothing" {
					require.EqualValues(t, 1000, last)
					require.Empty(t, moved)
				}
				for from := uint64(1); from <= last; { // what it says it has can be read
					page, err := s.Read(t.Context(), from, MaxBatch)
					require.NoError(t, err)
					require.NotEmpty(t, page)
					for _, m := range page {
						require.Equal(t, from, m.Sequence)
						from++
					}
				}
				_, err = s.Append(t.Context(), last, some("b", 1))
				require.NoError(t, err)
			})
		}
	}
}

func TestACleanStopIsNotExamined(t *testing.T) {
	dir := t.TempDir()
	b, err := Embedded(t.Context(), dir, quiet())
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(dir, "running"))
	closeBroker(t, b)
	require.NoFileExists(t, filepath.Join(dir, "running"))
}

func TestOnlyTheNewestQuarantinesAreKept(t *testing.T) {
	e := &localServer{dir: t.TempDir(), log: quiet()}
	for range quarantines + 2 {
		require.NoError(t, os.MkdirAll(filepath.Join(e.dir, "jetstream"), 0o700))
		require.NoError(t, e.quarantine(os.ErrInvalid))
	}
	kept, err := os.ReadDir(filepath.Join(e.dir, "quarantine"))
	require.NoError(t, err)
	require.Len(t, kept, quarantines)
}
