package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEveryRouteHasADoor holds the reverse proxy and the ingress to the contracts:
// each route and each RPC leads to the module that serves it, and to no other.
func TestEveryRouteHasADoor(t *testing.T) {
	for name, leads := range map[string]func(path string) []string{"Caddyfile": caddyRoutes(t), "ingress": ingressRoutes(t)} {
		tried := 0
		for rpc, routes := range methods() {
			module := strings.Split(string(rpc.ParentFile().Package()), ".")[1]
			paths := []string{"/" + string(rpc.Parent().FullName()) + "/" + string(rpc.Name())}
			for _, route := range routes {
				paths = append(paths, regexp.MustCompile(`{[^}]*}`).ReplaceAllString(route.Path, "01920000-0000-7000-8000-000000000000"))
			}
			for _, path := range paths {
				require.Equal(t, []string{module}, leads(path), "%s: %s", name, path)
				tried++
			}
		}
		require.Greater(t, tried, 60)
		require.Empty(t, leads("/api/elsewhere"), name)
	}
}

// caddyRoutes reads which upstream a path leads to. A matcher names a path
// exactly, or with a star at its end all that begins so.
func caddyRoutes(t *testing.T) func(path string) []string {
	t.Helper()
	text, err := os.ReadFile("../../docker/Caddyfile")
	require.NoError(t, err)
	block := regexp.MustCompile(`(?s)@(\w+) path ([^\n]*)\n\s*handle @(\w+) {\s*import module (\w+)\s*}`)
	blocks := block.FindAllStringSubmatch(string(text), -1)
	require.Len(t, blocks, 4)
	return func(path string) (upstreams []string) {
		for _, b := range blocks {
			require.Equal(t, b[1], b[3])
			for _, pattern := range strings.Fields(b[2]) {
				prefix, star := strings.CutSuffix(pattern, "*")
				if path == pattern || star && strings.HasPrefix(path, prefix) {
					upstreams = append(upstreams, b[4])
					break
				}
			}
		}
		return upstreams
	}
}

// ingressRoutes reads which service a path leads to. A prefix ends where an
// element of the path does.
func ingressRoutes(t *testing.T) func(path string) []string {
	t.Helper()
	for _, object := range kubernetes(t) {
		if object.Kind != "Ingress" {
			continue
		}
		return func(path string) (services []string) {
			for _, rule := range object.Spec.Rules {
				for _, p := range rule.HTTP.Paths {
					require.Equal(t, "Prefix", p.PathType)
					if path == p.Path || strings.HasPrefix(path, p.Path+"/") {
						services = append(services, p.Backend.Service.Name)
					}
				}
			}
			return services
		}
	}
	require.Fail(t, "there is no ingress")
	return nil
}
