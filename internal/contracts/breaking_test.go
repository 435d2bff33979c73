package contracts

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const repository = "../.."

// TestABreakingChangeIsCaught changes a copy of the contracts as one should not,
// and asks buf as make lint does: against the images in proto/images, without a
// network.
func TestABreakingChangeIsCaught(t *testing.T) {
	images, err := filepath.Glob(repository + "/proto/images/*.binpb")
	require.NoError(t, err)
	require.NotEmpty(t, images)
	const events, api = "mallbots/stores/v1/events.proto", "mallbots/ordering/v1/api.proto"
	for _, c := range []struct{ name, file, old, new, complaint string }{
		{name: "nothing is changed"},
		{"a field is added", events, "string location = 3;", "string location = 3;\n  // The floor it is on.\n  string floor = 9;", ""},
		{"an event is added", events, "// StoreRebranded tells", "// StoreClosed tells.\nmessage StoreClosed {\n  // The store's id.\n  string store_id = 1;\n}\n\n// StoreRebranded tells", ""},
		{"a field is renamed", events, "string location = 3;", "string place = 3;", `changed name from "location" to "place"`},
		{"a field has another number", events, "string location = 3;", "string location = 9;", `Previously present field "3" with name "location"`},
		{"a field has another type", events, "string location = 3;", "int64 location = 3;", "changed type"},
		{"a field is taken out", events, "  // Where in the mall it is.\n  string location = 3;\n", "", `Previously present field "3" with name "location"`},
		{"an event has another name", events, "message StoreRebranded {", "message StoreRenamed {", `Previously present message "StoreRebranded" was deleted`},
		{"an RPC is taken out", api, "rpc GetOrder(", "rpc ShowOrder(", `Previously present RPC "GetOrder"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			copied := copyContracts(t)
			if c.file != "" {
				file := filepath.Join(copied, "proto", filepath.FromSlash(c.file))
				text, err := os.ReadFile(file)
				require.NoError(t, err)
				require.Contains(t, string(text), c.old)
				require.NoError(t, os.WriteFile(file, []byte(strings.Replace(string(text), c.old, c.new, 1)), 0o600))
			}
			for _, image := range images {
				out, err := buf(t, "breaking", filepath.Join(copied, "proto"), "--against", image)
				if c.complaint == "" {
					require.NoError(t, err, "%s", out)
					continue
				}
				require.Error(t, err)
				require.Contains(t, out, c.complaint)
			}
		})
	}
}

// copyContracts copies the contracts and what they import.
func copyContracts(t *testing.T) string {
	t.Helper()
	to := t.TempDir()
	for _, folder := range []string{"proto", "internal/third_party/proto"} {
		require.NoError(t, os.CopyFS(filepath.Join(to, filepath.FromSlash(folder)), os.DirFS(repository+"/"+folder)))
	}
	text, err := os.ReadFile(repository + "/buf.yaml")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(to, "buf.yaml"), text, 0o600))
	return to
}

// buf runs the pinned buf at the root of the repository, and returns what it
// says.
func buf(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // it is built first, where it is not yet
	defer cancel()
	for i, argument := range arguments {
		if path, err := filepath.Abs(argument); err == nil && strings.Contains(argument, "/") {
			arguments[i] = path
		}
	}
	cmd := exec.CommandContext(ctx, "go", append([]string{"tool", "-modfile=internal/tools/buf/go.mod", "buf"}, arguments...)...)
	cmd.Dir = repository
	cmd.Env = append(os.Environ(), "BUF_CACHE_DIR="+t.TempDir())
	out, err := cmd.CombinedOutput()
	return string(out), err
}
