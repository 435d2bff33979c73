package arch

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// detached are the files that may make a context of their own, with the reason.
var detached = map[string]string{
	"internal/commandline/commandline.go": "it is where everything begins",
	"internal/host/run.go":                "the drain outlives the context that ended",
	"internal/database/sqlite_writer.go":  "a commit that has begun is not interrupted halfway",
	"internal/broker/examine.go":          "a child process looks at a store before there is a server",
}

// TestContextsComeFromTheCaller finds work that nobody could stop.
func TestContextsComeFromTheCaller(t *testing.T) {
	found := map[string]bool{}
	require.NoError(t, filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		name := strings.TrimPrefix(filepath.ToSlash(path), "../../")
		folder := filepath.Base(filepath.Dir(name))
		if err != nil || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") ||
			strings.HasSuffix(folder, "test") || strings.HasPrefix(name, "internal/simulation/") {
			return err // what only tests use is free to
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), "context.Background()") || strings.Contains(string(text), "context.TODO()") {
			found[name] = true
			require.Contains(t, detached, name, "%s makes a context of its own, which no shutdown reaches; take the caller's", name)
		}
		return err
	}))
	for name := range detached {
		require.True(t, found[name], "%s is excused and need not be", name)
	}
}
