package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzHistory reads anything as one of the files of a trading history: it is
// refused with its file and line, or every order of it can be played.
func FuzzHistory(f *testing.F) {
	names := slices.Sorted(maps.Keys(smallHistory()))
	for n, name := range names {
		text := smallHistory()[name]
		f.Add(uint8(n), []byte(text))
		f.Add(uint8(n), []byte("\uFEFF"+text))
		f.Add(uint8(n), []byte(strings.ReplaceAll(text, ",", ";")))
		f.Add(uint8(n), []byte(strings.ReplaceAll(text, "1", "\"")))
		f.Add(uint8(n), []byte(strings.ReplaceAll(text, "1", "-99999999999999999999")))
		f.Add(uint8(n), []byte(text[:len(text)/2]))
		f.Add(uint8(n), []byte(text+text))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, n uint8, content []byte) {
		name := names[int(n)%len(names)]
		for file, text := range smallHistory() {
			if file == name {
				text = string(content)
			}
			require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600))
		}
		h, err := readHistory(dir)
		if err != nil {
			require.ErrorContains(t, err, ".csv", "it says in which file")
			return
		}
		prices := map[string]int64{}
		for _, p := range h.products {
			prices[p.id] = p.price
			require.True(t, p.price >= 0 && p.price <= mostCents)
			require.NotEmpty(t, p.name)
		}
		for _, o := range h.orders {
			for _, line := range o.lines {
				require.Contains(t, prices, line.productID)
				require.True(t, line.quantity >= 1 && line.price >= 0, "%+v", line)
			}
		}
	})
}
