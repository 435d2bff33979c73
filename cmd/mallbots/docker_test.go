package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
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
	files, err := filepath.Glob("../../docker/*")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	variable := regexp.MustCompile(`MALLBOTS_[A-Z_]+`)
	for _, file := range files {
		if stat, err := os.Stat(file); err != nil || stat.IsDir() {
			continue
		}
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, name := range variable.FindAllString(string(text), -1) {
			require.True(t, known[name], "%s sets %s, which no command reads", file, name)
		}
	}
	dockerfile, err := os.ReadFile("../../docker/Dockerfile")
	require.NoError(t, err)
	for _, used := range regexp.MustCompile(`CMD \["([a-z]+)"`).FindAllStringSubmatch(string(dockerfile), -1) {
		require.True(t, commands[used[1]], "docker/Dockerfile runs %q, which is no command", used[1])
	}
	for _, built := range []string{"mallbots", "stores", "baskets", "ordering", "depot"} {
		require.FileExists(t, filepath.Join("../../cmd", built, "main.go"), "--build-arg CMD="+built)
	}
}
