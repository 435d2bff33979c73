package arch

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	namedTest = regexp.MustCompile("`([a-z0-9/]+)\\.(Test[A-Za-z0-9]+)`")
	trapRow   = regexp.MustCompile(`(?m)^\| (\d+) \|.*\| (.*) \|$`)
	link      = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading   = regexp.MustCompile(`(?m)^#+ (.*)$`)
	filePath  = regexp.MustCompile(`(?:^|[^a-zA-Z0-9_/.-])((?:cmd|docs|docker|internal|proto|stores|baskets|ordering|depot)/[a-zA-Z0-9_/.-]+\.(?:go|md|mod|proto|sql|txt|yaml))\b`)
)

// TestEveryTrapIsGuarded checks that docs/traps.md has a line for each trap, and
// that the tests it names are there.
func TestEveryTrapIsGuarded(t *testing.T) {
	text := read(t, "docs/traps.md")
	defects, complaints, ok := strings.Cut(text, "## 2.")
	require.True(t, ok)
	for section, most := range map[string]int{defects: 74, complaints: 15} {
		rows := trapRow.FindAllStringSubmatch(section, -1)
		require.Len(t, rows, most)
		for n, row := range rows {
			require.Equal(t, strconv.Itoa(n+1), row[1], "one line for each, in order")
			require.True(t, strings.HasPrefix(row[2], "*Excluded*: ") || namedTest.MatchString(row[2]), "trap %s names no test: %s", row[1], row[2])
		}
	}
	for _, name := range namedTest.FindAllStringSubmatch(text, -1) {
		require.True(t, hasTest(t, name[1], name[2]), "%s: there is no such test", name[0])
	}
}

// TestEveryRiskIsTested checks that docs/security.md goes through the ten, each
// with tests that are there.
func TestEveryRiskIsTested(t *testing.T) {
	text := read(t, "docs/security.md")
	rows := regexp.MustCompile(`(?m)^\| API(\d+) \|.*\| (.*) \|$`).FindAllStringSubmatch(text, -1)
	require.Len(t, rows, 10)
	for n, row := range rows {
		require.Equal(t, strconv.Itoa(n+1), row[1])
		require.Regexp(t, namedTest, row[2], "API%s names no test", row[1])
	}
	for _, name := range namedTest.FindAllStringSubmatch(text, -1) {
		require.True(t, hasTest(t, name[1], name[2]), "%s: there is no such test", name[0])
	}
}

// TestOnlyTheIssuerIsCalled finds every place that calls another host over HTTP.
// None of them takes the address from a request of the API.
func TestOnlyTheIssuerIsCalled(t *testing.T) {
	calls := regexp.MustCompile(`\bhttp\.(Get\(|Post\(|PostForm|Head\(|Client\b|DefaultClient|NewRequest|Transport\b|DefaultTransport)`)
	allowed := map[string]string{
		"internal/credential/issuer.go":    "the issuer of tokens, which is configured",
		"internal/host/healthcheck.go":     "a command that asks a process whether it is ready",
		"internal/host/peer.go":            "the process that an operator has a module moved from",
		"internal/host/gate.go":            "the process that an operator has had a module moved to",
		"internal/web/inside.go":           "this process itself",
		"internal/web/mall.go":             "this process, or those that the console's operator named",
		"internal/client/credentials.go":   "the mall, for the commands and the bots",
		"internal/commandline/events.go":   "the processes that an operator named",
		"internal/commandline/operator.go": "the processes that an operator named",
	}
	for pkg := range packages(t) {
		if strings.HasPrefix(pkg, "cmd/") || strings.HasPrefix(pkg, "internal/tools") || strings.HasSuffix(pkg, "test") {
			continue
		}
		files, err := filepath.Glob("../../" + pkg + "/*.go")
		require.NoError(t, err)
		for _, file := range files {
			name := strings.TrimPrefix(filepath.ToSlash(file), "../../")
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			if !strings.HasSuffix(name, "_test.go") && calls.Match(text) {
				require.Contains(t, allowed, name, "a request could make the server call somebody")
			}
		}
	}
}

// hasTest reports whether a package has a test of that name.
func hasTest(t *testing.T, pkg, name string) bool {
	t.Helper()
	files, err := filepath.Glob("../../" + pkg + "/*_test.go")
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		if strings.Contains(string(text), "\nfunc "+name+"(t *testing.T)") {
			return true
		}
	}
	return false
}

// TestLinksLeadSomewhere checks every link between the documents, with its heading.
func TestLinksLeadSomewhere(t *testing.T) {
	for _, document := range documents(t) {
		for _, match := range link.FindAllStringSubmatch(read(t, document), -1) {
			target, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			path := filepath.Join(filepath.Dir(document), target)
			if target == "" {
				path = document
			}
			_, err := os.Stat("../../" + path)
			require.NoError(t, err, "%s links to %s", document, match[1])
			if anchor != "" {
				require.Contains(t, anchors(read(t, path)), anchor, "%s links to %s", document, match[1])
			}
		}
	}
}

// TestFilesThatAreNamedExist checks every file of the repository that a
// document speaks of.
func TestFilesThatAreNamedExist(t *testing.T) {
	for _, document := range documents(t) {
		for _, match := range filePath.FindAllStringSubmatch(read(t, document), -1) {
			_, err := os.Stat("../../" + match[1])
			require.NoError(t, err, "%s speaks of %s", document, match[1])
		}
	}
}

// documents are the Markdown files of the repository.
func documents(t *testing.T) []string {
	t.Helper()
	var found []string
	require.NoError(t, filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if entry != nil && entry.IsDir() && strings.HasPrefix(entry.Name(), ".git") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".md") {
			found = append(found, strings.TrimPrefix(filepath.ToSlash(path), "../../"))
		}
		return err
	}))
	require.Contains(t, found, "CONTRIBUTING.md")
	return found
}

// anchors are the names of the headings of a document, as links write them.
func anchors(text string) []string {
	var names []string
	for _, match := range heading.FindAllStringSubmatch(text, -1) {
		name := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
				return r
			}
			return -1
		}, strings.ToLower(match[1]))
		names = append(names, name)
	}
	return names
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile("../../" + path)
	require.NoError(t, err)
	return string(text)
}
