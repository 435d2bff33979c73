package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// manifest is a Kubernetes object, as far as it is looked at.
type manifest struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   struct {
		Name   string
		Labels map[string]string
	}
	Spec struct {
		Replicas       int
		MinAvailable   int `yaml:"minAvailable"`
		MaxUnavailable int `yaml:"maxUnavailable"`
		Selector       yaml.Node
		PodSelector    yaml.Node `yaml:"podSelector"`
		Ports          []struct {
			Name       string
			TargetPort string `yaml:"targetPort"`
		}
		Ingress []struct {
			Ports []struct{ Port string }
		}
		Rules []struct {
			HTTP struct {
				Paths []struct {
					Path     string
					PathType string `yaml:"pathType"`
					Backend  struct{ Service struct{ Name string } }
				}
			}
		}
		Template struct {
			Metadata struct{ Labels map[string]string }
			Spec     struct {
				AutomountServiceAccountToken *bool `yaml:"automountServiceAccountToken"`
				SecurityContext              struct {
					RunAsNonRoot   bool                  `yaml:"runAsNonRoot"`
					RunAsUser      int                   `yaml:"runAsUser"`
					SeccompProfile struct{ Type string } `yaml:"seccompProfile"`
				} `yaml:"securityContext"`
				Containers []container
			}
		}
	}
}

type container struct {
	Name, Image string
	Args        []string
	Ports       []struct{ Name string }
	Env         []struct {
		Name, Value string
		ValueFrom   map[string]any `yaml:"valueFrom"`
	}
	StartupProbe   probe `yaml:"startupProbe"`
	LivenessProbe  probe `yaml:"livenessProbe"`
	ReadinessProbe probe `yaml:"readinessProbe"`
	Resources      struct {
		Requests, Limits map[string]string
	}
	SecurityContext struct {
		AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
		ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
		Capabilities             struct{ Drop []string }
	} `yaml:"securityContext"`
}

type probe struct {
	Exec    struct{ Command []string }
	HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
}

// kubernetes reads all manifests, which the kustomization must name.
func kubernetes(t *testing.T) []manifest {
	t.Helper()
	const dir = "../../docker/kubernetes/"
	var list struct{ Resources []string }
	text, err := os.ReadFile(dir + "kustomization.yaml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &list))
	files, err := filepath.Glob(dir + "*.yaml")
	require.NoError(t, err)
	require.Len(t, list.Resources, len(files)-1, "every file but the kustomization is a resource of it")
	var all []manifest
	for _, file := range list.Resources {
		text, err := os.ReadFile(dir + file)
		require.NoError(t, err)
		for decoder := yaml.NewDecoder(bytes.NewReader(text)); ; {
			var m manifest
			err := decoder.Decode(&m)
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err, file)
			require.NotEmpty(t, m.APIVersion, file)
			require.NotEmpty(t, m.Kind, file)
			require.NotEmpty(t, m.Metadata.Name, file)
			all = append(all, m)
		}
	}
	return all
}

// workloads are the objects that run containers, by name.
func workloads(all []manifest) map[string]manifest {
	found := map[string]manifest{}
	for _, m := range all {
		if m.Kind == "Deployment" || m.Kind == "StatefulSet" {
			found[m.Metadata.Name] = m
		}
	}
	return found
}

// TestWorkloadsAreLockedDownAndLookedAfter checks what Kubernetes would only
// find out, or silently do without, when it runs the manifests.
func TestWorkloadsAreLockedDownAndLookedAfter(t *testing.T) {
	all := workloads(kubernetes(t))
	require.Len(t, all, 5)
	for name, w := range all {
		pod := w.Spec.Template.Spec
		require.NotNil(t, pod.AutomountServiceAccountToken, name)
		require.False(t, *pod.AutomountServiceAccountToken, name)
		require.True(t, pod.SecurityContext.RunAsNonRoot, name)
		require.NotZero(t, pod.SecurityContext.RunAsUser, name)
		require.Equal(t, "RuntimeDefault", pod.SecurityContext.SeccompProfile.Type, name)
		require.Len(t, pod.Containers, 1, name)
		c := pod.Containers[0]
		require.NotNil(t, c.SecurityContext.AllowPrivilegeEscalation, name)
		require.False(t, *c.SecurityContext.AllowPrivilegeEscalation, name)
		require.True(t, c.SecurityContext.ReadOnlyRootFilesystem, name)
		require.Equal(t, []string{"ALL"}, c.SecurityContext.Capabilities.Drop, name)
		require.NotEmpty(t, c.Resources.Requests["cpu"], name)
		require.NotEmpty(t, c.Resources.Requests["memory"], name)
		require.NotEmpty(t, c.Resources.Limits["memory"], name)
		require.GreaterOrEqual(t, w.Spec.Replicas, 2, name)
		for _, p := range []probe{c.StartupProbe, c.LivenessProbe, c.ReadinessProbe} {
			require.True(t, len(p.Exec.Command) > 0 || strings.HasPrefix(p.HTTPGet.Path, "/"), "%s has a probe that asks nothing", name)
		}
	}
}

// TestServicesRunWhatTheBinaryKnows checks arguments, settings and probes of each
// module's deployment against its command line.
func TestServicesRunWhatTheBinaryKnows(t *testing.T) {
	all := workloads(kubernetes(t))
	for _, m := range modules {
		c := all[m.Name].Spec.Template.Spec.Containers[0]
		require.Contains(t, c.Image, "mallbots-"+m.Name+":")
		settings := map[string]string{}
		for _, e := range c.Env {
			settings[e.Name] = e.Value
			if e.ValueFrom != nil {
				settings[e.Name] = "postgres://from-a-secret"
			}
		}
		require.Equal(t, "on", settings["MALLBOTS_AUTH"], "%s asks nobody who they are", m.Name)
		for _, secret := range []string{"MALLBOTS_DATABASE_URL", "MALLBOTS_KEYS_URL", "MALLBOTS_NATS_URL"} {
			require.NotEmpty(t, settings[secret], "%s: %s", m.Name, secret)
		}
		requireServes(t, m.Name, settings)
		for _, p := range []probe{c.StartupProbe, c.LivenessProbe, c.ReadinessProbe} {
			require.Equal(t, "/app", p.Exec.Command[0])
			parser, err := mallbots().Parser()
			require.NoError(t, err)
			_, err = parser.Parse(p.Exec.Command[1:])
			require.NoError(t, err, m.Name)
		}
		require.NotContains(t, c.ReadinessProbe.Exec.Command, "--alive")
		require.Contains(t, c.LivenessProbe.Exec.Command, "--alive", "a database that is away is no reason to kill")
		require.Equal(t, []string{"serve"}, c.Args)
	}
}

// TestSelectorsAndPortsFindSomebody checks what points at workloads.
func TestSelectorsAndPortsFindSomebody(t *testing.T) {
	all := kubernetes(t)
	running := workloads(all)
	chosen := func(node yaml.Node) (found []manifest) {
		var selector struct {
			MatchLabels map[string]string `yaml:"matchLabels"`
		}
		require.NoError(t, node.Decode(&selector))
		if selector.MatchLabels == nil { // a service's selector is the labels themselves
			require.NoError(t, node.Decode(&selector.MatchLabels))
		}
		for _, w := range running {
			fits := true
			for label, value := range selector.MatchLabels {
				fits = fits && w.Spec.Template.Metadata.Labels[label] == value
			}
			if fits {
				found = append(found, w)
			}
		}
		return found
	}
	hasPort := func(w manifest, port string) bool {
		return slices.ContainsFunc(w.Spec.Template.Spec.Containers[0].Ports, func(p struct{ Name string }) bool { return p.Name == port })
	}
	budgets, services := map[string]bool{}, map[string]bool{}
	for _, m := range all {
		switch m.Kind {
		case "Deployment", "StatefulSet":
			require.Len(t, chosen(m.Spec.Selector), 1, m.Metadata.Name)
		case "PodDisruptionBudget":
			require.Len(t, chosen(m.Spec.Selector), 1, m.Metadata.Name)
			require.Equal(t, 1, m.Spec.MinAvailable+m.Spec.MaxUnavailable, m.Metadata.Name)
			budgets[m.Metadata.Name] = true
		case "Service":
			found := chosen(m.Spec.Selector)
			require.Len(t, found, 1, m.Metadata.Name)
			for _, port := range m.Spec.Ports {
				require.True(t, hasPort(found[0], or(port.TargetPort, port.Name)), "service %s, port %s", m.Metadata.Name, port.Name)
			}
			services[m.Metadata.Name] = true
		case "NetworkPolicy":
			for _, w := range chosen(m.Spec.PodSelector) {
				for _, rule := range m.Spec.Ingress {
					for _, port := range rule.Ports {
						require.True(t, hasPort(w, port.Port), "policy %s, port %s", m.Metadata.Name, port.Port)
					}
				}
			}
		}
	}
	for name := range running {
		require.True(t, budgets[name], "%s has no disruption budget", name)
		require.True(t, services[name], "%s has no service", name)
	}
}
