package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/broker"
)

// What the container files say to the binary must be something that it hears.
func TestContainerFilesNameOnlyWhatThereIs(t *testing.T) {
	parser, err := mallbots().Parser()
	require.NoError(t, err)
	known := map[string]bool{}
	commands := map[string]bool{}
	for _, command := range parser.Model.Children {
		commands[command.Name] = true
		for _, flag := range command.Flags {
			for _, name := range flag.Envs {
				known[name] = true
			}
		}
	}
	for _, user := range []string{"stores", "baskets", "ordering", "depot", "operator"} {
		known[broker.PasswordVariable(user)] = true
	}
	variable := regexp.MustCompile(`MALLBOTS_[A-Z_]+`)
	found := 0
	require.NoError(t, filepath.WalkDir("../../docker", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Base(file) == filepath.Base(natsRights) { // that one has a test of its own
			return err
		}
		text, err := os.ReadFile(file)
		for _, name := range variable.FindAllString(string(text), -1) {
			found++
			require.True(t, known[name], "%s sets %s, which no command reads", file, name)
		}
		return err
	}))
	require.Positive(t, found)
	dockerfile, err := os.ReadFile("../../docker/Dockerfile")
	require.NoError(t, err)
	for _, used := range regexp.MustCompile(`CMD \["([a-z]+)"`).FindAllStringSubmatch(string(dockerfile), -1) {
		require.True(t, commands[used[1]], "docker/Dockerfile runs %q, which is no command", used[1])
	}
	for _, built := range []string{"mallbots", "stores", "baskets", "ordering", "depot"} {
		require.FileExists(t, filepath.Join("../../cmd", built, "main.go"), "--build-arg CMD="+built)
	}
}
