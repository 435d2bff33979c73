package extraction_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/extraction"
)

var modules = []string{"stores", "baskets", "ordering", "depot"}

func extract(ctx context.Context, module, to string) (extraction.Result, error) {
	return extraction.Extraction{Checkout: ".", Module: module, Modules: modules, To: to, Rights: map[string]string{"docker/nats.conf": "# rights\n"}}.Run(ctx)
}

// run runs a command in an extracted repository.
func run(t *testing.T, dir string, command ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s\n%s", strings.Join(command, " "), out)
}

// TestEveryModuleIsARepositoryOfItsOwn builds what is extracted, compiles all its
// tests, and runs those of the module and of its architecture. One after the other
// is in the same folder, so that what they have in common is compiled once.
func TestEveryModuleIsARepositoryOfItsOwn(t *testing.T) {
	to := filepath.Join(t.TempDir(), "repository")
	for _, module := range modules {
		t.Run(module, func(t *testing.T) {
			require.NoError(t, os.RemoveAll(to))
			result, err := extract(t.Context(), module, to)
			require.NoError(t, err)
			gomod, err := os.ReadFile(filepath.Join(to, "go.mod"))
			require.NoError(t, err)
			require.NotContains(t, string(gomod), "replace")
			for _, other := range modules {
				if other != module {
					require.NoDirExists(t, filepath.Join(to, other))
					require.NoDirExists(t, filepath.Join(to, "cmd", other))
				}
			}
			for _, name := range []string{
				module + "/migrations", "README.md", "LICENSE", "Makefile", ".ci/run", "docker/Dockerfile", "docker/compose.yaml",
				"docker/module.env", "docker/nats.conf", "buf.yaml", "proto/buf.gen.yaml", "proto/mallbots/" + module + "/v1/events.proto", ".git",
			} {
				_, err := os.Stat(filepath.Join(to, name))
				require.NoError(t, err, name)
			}
			stat, err := os.Stat(filepath.Join(to, ".ci/run"))
			require.NoError(t, err)
			require.NotZero(t, stat.Mode()&0o100, "it is to be run")
			readme, err := os.ReadFile(filepath.Join(to, "README.md"))
			require.NoError(t, err)
			for _, left := range result.LeftOut {
				require.True(t, strings.HasSuffix(left, "_test.go"), left)
				require.NoFileExists(t, filepath.Join(to, left))
				require.Contains(t, string(readme), left)
			}
			require.FileExists(t, filepath.Join(to, module, "module_test.go"), "most of the module's tests stay")

			run(t, to, "go", "build", "./...")
			run(t, to, "go", "vet", "./...")
			run(t, to, "go", "test", "./internal/arch", "./"+module+"/...")
		})
	}
}

func TestWhatCannotBeExtractedIsRefused(t *testing.T) {
	refused := func(sentence string, module, to string) {
		t.Helper()
		_, err := extract(t.Context(), module, to)
		require.ErrorContains(t, err, sentence)
	}
	full := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(full, "mine.txt"), []byte("precious"), 0o600))
	refused("is not empty (it holds mine.txt)", "depot", full)
	text, err := os.ReadFile(filepath.Join(full, "mine.txt"))
	require.NoError(t, err)
	require.Equal(t, "precious", string(text))
	refused("mine.txt", "depot", filepath.Join(full, "mine.txt", "below"))

	fresh := filepath.Join(t.TempDir(), "new")
	refused(`there is no module "kiosk"; there are stores, baskets, ordering, depot`, "kiosk", fresh)
	refused("is in the checkout", "depot", "../../depot-of-its-own")
	require.NoDirExists(t, fresh)

	_, err = extraction.Extraction{Checkout: t.TempDir(), Module: "depot", Modules: modules, To: fresh}.Run(t.Context())
	require.ErrorContains(t, err, "not in a checkout")
	other := t.TempDir()
	run(t, other, "git", "init", "--quiet")
	require.NoError(t, os.WriteFile(filepath.Join(other, "go.mod"), []byte("module other\n"), 0o600))
	_, err = extraction.Extraction{Checkout: other, Module: "depot", Modules: modules, To: fresh}.Run(t.Context())
	require.ErrorContains(t, err, "is not a checkout of mallbots")
	require.NoDirExists(t, fresh)
}

// TestWhatFailsHalfWayIsRemoved has the extraction told to stop when the files
// are there and go.mod is to be tidied.
func TestWhatFailsHalfWayIsRemoved(t *testing.T) {
	t.Setenv("GOMODCACHE", t.TempDir()) // what go.mod wants is nowhere
	t.Setenv("GOPROXY", "off")
	made := filepath.Join(t.TempDir(), "new")
	_, err := extract(t.Context(), "depot", made)
	require.ErrorContains(t, err, "go mod tidy")
	require.NoDirExists(t, made)
	empty := t.TempDir()
	_, err = extract(t.Context(), "depot", empty)
	require.ErrorContains(t, err, "go mod tidy")
	entries, err := os.ReadDir(empty)
	require.NoError(t, err)
	require.Empty(t, entries, "it is as it was")
}
