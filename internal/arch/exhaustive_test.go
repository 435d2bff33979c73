package arch

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// unheard are the events that no module acts on, with who they are for.
var unheard = map[string]string{
	"mallbots.baskets.v1.BasketStarted":      "for whoever wants to know what is in the making",
	"mallbots.baskets.v1.BasketCanceled":     "for whoever wants to know what came to nothing",
	"mallbots.ordering.v1.OrderApproved":     "the depot has reserved already; for who tells the customer",
	"mallbots.ordering.v1.OrderReadied":      "for who tells the customer",
	"mallbots.ordering.v1.OrderCompleted":    "for who keeps the accounts",
	"mallbots.depot.v1.ShoppingListAssigned": "for who shows what the bots do",
	"mallbots.depot.v1.StockReceived":        "for who orders new stock",
}

// TestEveryEventIsPublishedByATest looks into the golden files of what the
// modules' tests made them publish.
func TestEveryEventIsPublishedByATest(t *testing.T) {
	for _, m := range modules {
		none(t, untold(t, repository, m))
	}
}

// TestEveryEventIsHeardOrListed finds events that are declared, published and
// forgotten.
func TestEveryEventIsHeardOrListed(t *testing.T) {
	none(t, forgotten(t, repository, modules, unheard))
}

func TestAnEventThatNobodyTestsOrHearsIsReported(t *testing.T) {
	root := tree(t, map[string]string{
		"proto/mallbots/kiosk/v1/events.proto": "// PaperSold tells.\nmessage PaperSold {\n  Paper paper = 1;\n}\n\nmessage Paper {\n  string id = 1;\n}\n",
		"proto/mallbots/kiosk/v2/events.proto": "message PaperSold {\n  repeated string ids = 1;\n}\n",
		"kiosk/testdata/published.golden":      `k mallbots.kiosk.v1.PaperSold {"paper":{}}` + "\n",
		"kiosk/module_test.go":                 "package kiosk\n\nfunc TestWhatTheMallHears(t *testing.T) {\n}\n",
		"kiosk/module.go": `package kiosk

import (
	"mallbots/internal/inbox"
	kioskv2 "mallbots/proto/mallbots/kiosk/v2"
)

func New() {
	inbox.On(in, onPaperSold)
}

func onPaperSold(ctx context.Context, tx database.Tx, e *kioskv2.PaperSold) error { return nil }
`,
	})
	require.Equal(t, []string{
		"proto/mallbots/kiosk/v2/events.proto:1: mallbots.kiosk.v2.PaperSold is published by no test: let TestWhatTheMallHears of kiosk make the module say it",
	}, untold(t, root, "kiosk"))
	require.Equal(t, []string{
		"proto/mallbots/kiosk/v1/events.proto:2: mallbots.kiosk.v1.PaperSold is heard by no module: act on it, list it in unheard with who it is for, or take it out",
		"unheard lists mallbots.kiosk.v2.PaperSold, which is heard: take it off the list",
		"unheard lists mallbots.kiosk.v3.PaperSold, which nobody declares: take it off the list",
	}, forgotten(t, root, []string{"kiosk"}, map[string]string{
		"mallbots.kiosk.v2.PaperSold": "nobody", "mallbots.kiosk.v3.PaperSold": "nobody",
	}))
}

// untold are the events of a module that no test has made it publish.
func untold(t testing.TB, root, module string) []string {
	t.Helper()
	golden := filepath.Join(root, module, "testdata", "published.golden")
	text, err := os.ReadFile(golden)
	require.NoError(t, err, "the golden file of what %s publishes", module)
	tests, err := filepath.Glob(filepath.Join(root, module, "*_test.go"))
	require.NoError(t, err)
	var problems []string
	held := false
	for _, file := range tests {
		held = held || strings.Contains(readAt(t, file), "\nfunc TestWhatTheMallHears(t *testing.T)")
	}
	if !held {
		problems = append(problems, problem(t, root, golden, 1, "no test compares it: write TestWhatTheMallHears in %s", module))
	}
	for _, event := range eventsOf(t, root, module) {
		if !strings.Contains(string(text), " "+event.name+" ") {
			problems = append(problems, problem(t, root, event.file, event.line,
				"%s is published by no test: let TestWhatTheMallHears of %s make the module say it", event.name, module))
		}
	}
	return problems
}

// forgotten are the events that no module acts on and nobody has listed.
func forgotten(t testing.TB, root string, modules []string, listed map[string]string) []string {
	t.Helper()
	acted, known := map[string]bool{}, map[string]bool{}
	for _, m := range modules {
		s := sourceOf(t, root, m)
		for _, file := range s.files {
			for _, event := range s.said(file) {
				acted[event.event] = acted[event.event] || event.handled
			}
		}
	}
	var problems []string
	for _, m := range modules {
		for _, event := range eventsOf(t, root, m) {
			known[event.name] = true
			if _, ok := listed[event.name]; !ok && !acted[event.name] {
				problems = append(problems, problem(t, root, event.file, event.line,
					"%s is heard by no module: act on it, list it in unheard with who it is for, or take it out", event.name))
			}
		}
	}
	for _, name := range sortedKeys(listed) {
		switch {
		case !known[name]:
			problems = append(problems, "unheard lists "+name+", which nobody declares: take it off the list")
		case acted[name]:
			problems = append(problems, "unheard lists "+name+", which is heard: take it off the list")
		}
	}
	return problems
}
