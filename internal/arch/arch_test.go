// Package arch is the architecture, as a test: who may import whom, and why.
package arch

import (
	"bufio"
	"bytes"
	"go/parser"
	"go/token"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var modules = []string{"stores", "baskets", "ordering", "depot"}

// rule says what the packages below a path may import of this repository. A
// path that ends in a slash means all below it.
type rule struct {
	path    string
	allowed []string
	why     string
}

func rules() []rule {
	var all []rule
	add := func(path, why string, allowed ...string) {
		all = append(all, rule{path, append(allowed, path), why})
	}
	for _, m := range modules {
		add(m+"/internal/", "an aggregate does no I/O", "internal/eventsourcing", "internal/fault")
		add(m, "a module knows the others by their events only", m+"/internal/", "internal/", "proto/")
		add("cmd/"+m, "a service knows one module", "internal/", m)
	}
	add("cmd/mallbots", "the command line knows the modules and the platform", "internal/", "proto/", "stores", "baskets", "ordering", "depot")
	add("proto/", "contracts know nothing but contracts")
	add("docs/", "documents import nothing")
	add("internal/", "the platform knows no module", "docs/", "proto/mallbots/money/", "proto/mallbots/policy/")
	return all
}

// excused are the packages that may do what their rule forbids, with the reason.
var excused = map[string]string{
	"internal/bots":             "picks through the depot's public API, as a client of it",
	"internal/openapi/generate": "describes every module's API from its contract",
	"internal/simulation":       "runs the whole mall, and is for tests alone",
}

const root = "mallbots/"

func TestPackagesKeepTheirDistance(t *testing.T) {
	for pkg, imports := range packages(t) {
		r, ok := ruleFor(pkg)
		require.True(t, ok, "%s has no rule; add one to arch_test.go", pkg)
		if _, ok := excused[pkg]; ok {
			continue
		}
		for _, i := range imports {
			require.True(t, slices.ContainsFunc(r.allowed, func(a string) bool { return covers(a, i) }),
				"%s imports %s: %s", pkg, i, r.why)
		}
	}
}

func TestEveryExcuseIsNeeded(t *testing.T) {
	found := packages(t)
	for pkg := range excused {
		require.Contains(t, found, pkg, "excused, but gone")
	}
}

func TestAModuleSpeaksNoOtherModulesAPI(t *testing.T) {
	for pkg, imports := range packages(t) {
		for _, m := range modules {
			if pkg != m {
				continue
			}
			for _, i := range imports {
				if path.Base(path.Dir(path.Dir(i))) == "mallbots" { // proto/mallbots/<module>/v1
					continue
				}
				for _, other := range modules {
					require.False(t, other != m && strings.HasSuffix(i, other+"v1connect"),
						"%s imports %s: modules never call each other", pkg, i)
				}
			}
		}
	}
}

func TestModulesLookAlike(t *testing.T) {
	usual := []string{"doc.go", "module.go", "commands.go", "queries.go", "readmodel.go", "publishes.go", "subscribes.go", "module_test.go"}
	for _, m := range modules {
		files, err := filepath.Glob("../../" + m + "/*.go")
		require.NoError(t, err)
		for _, f := range files {
			name := filepath.Base(f)
			stem, _, split := strings.Cut(strings.TrimSuffix(strings.TrimSuffix(name, ".go"), "_test"), "_")
			ok := slices.Contains(usual, name) ||
				(split && slices.Contains(usual, stem+".go")) || // commands_product.go: split by aggregate
				strings.HasSuffix(name, "_test.go")
			require.True(t, ok, "%s/%s is none of %v", m, name, usual)
		}
		for _, must := range []string{"doc.go", "module.go", "commands.go", "queries.go", "publishes.go"} {
			stem := strings.TrimSuffix(must, ".go")
			require.True(t, slices.ContainsFunc(files, func(f string) bool {
				return strings.HasPrefix(filepath.Base(f), stem)
			}), "%s has no %s", m, must)
		}
	}
}

func TestEveryPackageHasExactlyOneDocComment(t *testing.T) {
	for pkg := range packages(t) {
		if generated(pkg) {
			continue
		}
		files, err := filepath.Glob("../../" + pkg + "/*.go")
		require.NoError(t, err)
		var documented []string
		only := true // only tests
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			only = false
			parsed, err := parser.ParseFile(token.NewFileSet(), f, nil, parser.ParseComments|parser.PackageClauseOnly)
			require.NoError(t, err)
			if parsed.Doc != nil {
				documented = append(documented, filepath.Base(f))
			}
		}
		if !only {
			require.Len(t, documented, 1, "package comments of %s", pkg)
		}
	}
}

func TestProductionCodeDoesNotReflect(t *testing.T) {
	cmd := exec.Command("go", "list", "-f", "{{.ImportPath}} {{join .Imports \" \"}}", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	require.NoError(t, err)
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		if generated(words[0]) {
			continue
		}
		require.NotContains(t, words[1:], "reflect", "%s: types are known here", words[0])
	}
}

// packages lists the repository's packages with what they import of it, tests left out.
func packages(t *testing.T) map[string][]string {
	t.Helper()
	cmd := exec.Command("go", "list", "-f", "{{.ImportPath}} {{join .Imports \" \"}}", "./...")
	cmd.Dir = "../.."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	found := map[string][]string{}
	for scan := bufio.NewScanner(bytes.NewReader(out)); scan.Scan(); {
		words := strings.Fields(scan.Text())
		name := strings.TrimPrefix(words[0], root)
		found[name] = nil
		for _, i := range words[1:] {
			if own, ok := strings.CutPrefix(i, root); ok {
				found[name] = append(found[name], own)
			}
		}
	}
	require.NotEmpty(t, found)
	return found
}

// generated says whether buf writes the package.
func generated(pkg string) bool {
	return strings.Contains("/"+pkg+"/", "/proto/mallbots/")
}

// ruleFor returns the rule with the longest path that covers pkg.
func ruleFor(pkg string) (rule, bool) {
	var best rule
	found := false
	for _, r := range rules() {
		if covers(r.path, pkg) && len(r.path) > len(best.path) {
			best, found = r, true
		}
	}
	return best, found
}

func covers(path, pkg string) bool {
	if strings.HasSuffix(path, "/") {
		return strings.HasPrefix(pkg+"/", path)
	}
	return pkg == path
}

// TestAServiceLinksOneModule looks at all that a service is built from, however far away.
func TestAServiceLinksOneModule(t *testing.T) {
	for _, service := range modules {
		cmd := exec.Command("go", "list", "-deps", "./cmd/"+service)
		cmd.Dir = "../.."
		out, err := cmd.Output()
		require.NoError(t, err)
		linked := strings.Fields(string(out))
		require.Contains(t, linked, root+service)
		for _, other := range modules {
			require.Equal(t, other == service, slices.ContainsFunc(linked, func(pkg string) bool { return covers(root+other+"/", pkg) }),
				"cmd/%s and the module %s", service, other)
		}
	}
}
