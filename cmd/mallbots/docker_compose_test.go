package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// composed is a compose file, as far as it is looked at.
type composed struct {
	Services map[string]struct {
		Image       string
		Command     []string
		Environment map[string]string
		Build       *struct {
			Context, Dockerfile string
			Args                map[string]string
		}
		DependsOn   any      `yaml:"depends_on"`
		ReadOnly    bool     `yaml:"read_only"`
		CapDrop     []string `yaml:"cap_drop"`
		SecurityOpt []string `yaml:"security_opt"`
		Restart     string
		Volumes     []string
		Ports       []string
		Configs     []struct{ Source, Target string }
		Deploy      struct{ Replicas int }
	}
	Configs map[string]struct{ Content string }
	Volumes map[string]any
}

func readComposed(t *testing.T, file string) (c composed) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &c), file)
	return c
}

// TestComposeFilesAreWhole checks what can be checked of a compose file without
// an engine: everything that it names is there, what we build is locked down, the
// binary takes its settings, and nobody but this machine reaches it.
func TestComposeFilesAreWhole(t *testing.T) {
	files, err := filepath.Glob("../../docker/compose*.yaml")
	require.NoError(t, err)
	require.Len(t, files, 3)
	for _, file := range files {
		c := readComposed(t, file)
		ours := 0
		for name, s := range c.Services {
			at := file + ": " + name
			for dependency := range elements(s.DependsOn) {
				require.Contains(t, c.Services, dependency, at)
			}
			for _, config := range s.Configs {
				require.Contains(t, c.Configs, config.Source, at)
				require.Contains(t, strings.Join(s.Command, " "), config.Target, "%s: nobody reads the configuration", at)
			}
			for _, volume := range s.Volumes {
				source, _, _ := strings.Cut(volume, ":")
				if strings.HasPrefix(source, ".") {
					require.FileExists(t, filepath.Join(filepath.Dir(file), source), at)
				} else {
					require.Contains(t, c.Volumes, source, at)
				}
			}
			for _, port := range s.Ports {
				require.True(t, strings.HasPrefix(port, "127.0.0.1:"), "%s publishes %s to everybody", at, port)
			}
			if s.Build == nil {
				require.NotEmpty(t, s.Image, at)
				require.False(t, strings.HasSuffix(s.Image, ":latest") || !strings.Contains(s.Image, ":"), "%s: %s is another image every day", at, s.Image)
				continue
			}
			ours++
			require.FileExists(t, filepath.Join(filepath.Dir(file), s.Build.Context, s.Build.Dockerfile), at)
			require.True(t, s.ReadOnly, at)
			require.Equal(t, []string{"ALL"}, s.CapDrop, at)
			require.Equal(t, []string{"no-new-privileges:true"}, s.SecurityOpt, at)
			require.NotEmpty(t, s.Restart, at)
			require.FileExists(t, filepath.Join("../../cmd", or(s.Build.Args["CMD"], "mallbots"), "main.go"), at)
			requireServes(t, at, s.Environment)
		}
		require.Positive(t, ours, file)
	}
}

// requireServes requires that serve takes settings as they are written.
func requireServes(t *testing.T, at string, environment map[string]string) {
	t.Helper()
	for name, value := range environment {
		t.Setenv(name, value)
	}
	parser, err := mallbots().Parser()
	require.NoError(t, err)
	parsed, err := parser.Parse([]string{"serve"})
	require.NoError(t, err, at)
	for _, flag := range parsed.Flags() {
		for _, name := range flag.Envs {
			if want, ok := environment[name]; ok {
				require.NotEmpty(t, want, "%s: %s", at, name)
			}
		}
	}
	for name := range environment {
		require.NoError(t, os.Unsetenv(name))
	}
}

// TestServicesAndClusterAreWhatTheySay counts what the two topologies are made of.
func TestServicesAndClusterAreWhatTheySay(t *testing.T) {
	services, cluster := readComposed(t, "../../docker/compose.services.yaml"), readComposed(t, "../../docker/compose.cluster.yaml")
	databases := map[string]bool{}
	for _, m := range modules {
		s := services.Services[m.Name]
		require.Equal(t, m.Name, s.Build.Args["CMD"])
		databases[s.Environment["MALLBOTS_DATABASE_URL"]] = true
		require.Contains(t, s.Environment["MALLBOTS_DATABASE_URL"], "@"+m.Name+"-db:")
		require.Contains(t, services.Services, m.Name+"-db")

		s = cluster.Services[m.Name]
		require.Equal(t, m.Name, s.Build.Args["CMD"])
		require.Equal(t, 2, s.Deploy.Replicas)
		for _, node := range []string{"nats-1", "nats-2", "nats-3"} {
			require.Contains(t, s.Environment["MALLBOTS_NATS_URL"], node+":4222")
			require.Contains(t, cluster.Configs["nats"].Content, node+":6222")
			require.Contains(t, cluster.Services[node].Command, node, "a node has a name of its own")
		}
	}
	require.Len(t, databases, 4, "a database for each")
}

// elements are those of a list, or the keys of a map.
func elements(value any) map[string]bool {
	all := map[string]bool{}
	switch v := value.(type) {
	case []any:
		for _, name := range v {
			all[name.(string)] = true
		}
	case map[string]any:
		for name := range v {
			all[name] = true
		}
	}
	return all
}

func or(text, other string) string {
	if text == "" {
		return other
	}
	return text
}
