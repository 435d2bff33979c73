package arch

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	messageLine = regexp.MustCompile(`^message (\w+) \{`)
	fieldLine   = regexp.MustCompile(`^\s+(?:repeated |optional )?(?:map<\w+, )?([\w.]+)>? \w+ = \d+`)
	rpcLine     = regexp.MustCompile(`^  rpc (\w+)\(`)
)

// declared is something that a contract declares: an event or an RPC.
type declared struct {
	module string
	name   string // of a message with its package: mallbots.stores.v1.StoreCreated
	file   string
	line   int
	routed bool // an RPC that has a route
}

// eventsOf are the events of a module, of every version: the messages of its
// events.proto that are no part of another one.
func eventsOf(t testing.TB, root, module string) []declared {
	t.Helper()
	var all []declared
	for _, file := range protoFiles(t, root, module, "events.proto") {
		pkg := "mallbots." + module + "." + filepath.Base(filepath.Dir(file)) + "."
		parts := map[string]bool{}
		var messages []declared
		for n, line := range strings.Split(readAt(t, file), "\n") {
			if m := messageLine.FindStringSubmatch(line); m != nil {
				messages = append(messages, declared{module: module, name: pkg + m[1], file: file, line: n + 1})
			} else if f := fieldLine.FindStringSubmatch(line); f != nil {
				parts[pkg+f[1]] = true
			}
		}
		all = append(all, slices.DeleteFunc(messages, func(d declared) bool { return parts[d.name] })...)
	}
	return all
}

// rpcsOf are the RPCs of a module.
func rpcsOf(t testing.TB, root, module string) []declared {
	t.Helper()
	var all []declared
	for _, file := range protoFiles(t, root, module, "api.proto") {
		for n, line := range strings.Split(readAt(t, file), "\n") {
			if m := rpcLine.FindStringSubmatch(line); m != nil {
				all = append(all, declared{module: module, name: m[1], file: file, line: n + 1})
			}
			if strings.HasPrefix(line, "    option (google.api.http) = {") && len(all) > 0 {
				all[len(all)-1].routed = true
			}
		}
	}
	return all
}

func protoFiles(t testing.TB, root, module, name string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "proto", "mallbots", module, "v*", name))
	require.NoError(t, err)
	require.NotEmpty(t, files, "%s has no %s", module, name)
	return files
}

// TestEveryRPCHasARoute finds what only gRPC could ask for.
func TestEveryRPCHasARoute(t *testing.T) {
	for _, m := range modules {
		none(t, unrouted(t, repository, m))
	}
}

func TestAnRPCWithoutARouteIsReported(t *testing.T) {
	root := tree(t, map[string]string{"proto/mallbots/kiosk/v1/api.proto": `service KioskService {
  // Sell sells.
  rpc Sell(SellRequest) returns (SellResponse) {
    option (google.api.http) = {post: "/api/kiosk"};
  }
  // Burn burns.
  rpc Burn(BurnRequest) returns (BurnResponse);
}
`})
	require.Equal(t, []string{
		"proto/mallbots/kiosk/v1/api.proto:7: Burn has no route: add option (google.api.http), or nobody reaches it over REST",
	}, unrouted(t, root, "kiosk"))
}

func unrouted(t testing.TB, root, module string) []string {
	t.Helper()
	var problems []string
	rpcs := rpcsOf(t, root, module)
	require.NotEmpty(t, rpcs, "%s declares no RPC that can be read", module)
	for _, rpc := range rpcs {
		if !rpc.routed {
			problems = append(problems, problem(t, root, rpc.file, rpc.line,
				"%s has no route: add option (google.api.http), or nobody reaches it over REST", rpc.name))
		}
	}
	return problems
}
