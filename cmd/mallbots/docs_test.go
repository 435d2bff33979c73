package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTheMapIsCurrent compares the committed map with what the modules register
// today; make generate writes it.
func TestTheMapIsCurrent(t *testing.T) {
	root, fresh := filepath.Join("..", ".."), t.TempDir()
	c := &console{Out: t.Output(), Err: t.Output()}
	require.NoError(t, (&docsCommand{Root: root, Out: fresh}).Run(t.Context(), c))
	again := t.TempDir()
	require.NoError(t, (&docsCommand{Root: root, Out: again}).Run(t.Context(), c))
	for _, name := range []string{"map.md", "asyncapi.json"} {
		want, err := os.ReadFile(filepath.Join(fresh, name))
		require.NoError(t, err)
		twice, err := os.ReadFile(filepath.Join(again, name))
		require.NoError(t, err)
		require.Equal(t, string(want), string(twice), "%s differs from run to run", name)
		have, err := os.ReadFile(filepath.Join(root, "docs", name))
		require.NoError(t, err)
		require.True(t, string(want) == string(have), "docs/%s is stale; run make generate", name)
		require.NotContains(t, string(want), "has no comment above it", "%s lacks the words for something", name)
	}
}

func TestTheMapNeedsACheckout(t *testing.T) {
	require.Error(t, (&docsCommand{Root: t.TempDir(), Out: t.TempDir()}).Run(t.Context(), &console{Out: t.Output(), Err: t.Output()}))
}
