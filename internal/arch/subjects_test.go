package arch

import (
	"go/ast"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// doors are what a module does not open by itself, with who does.
var doors = map[string]string{
	"mallbots/internal/broker":  "internal/outbox publishes, internal/inbox hears",
	"github.com/nats-io/":       "internal/outbox publishes, internal/inbox hears",
	"database/sql":              "internal/database is the module's database",
	"github.com/jackc/pgx/":     "internal/database is the module's database",
	"modernc.org/sqlite":        "internal/database is the module's database",
	"connectrpc.com/connect/v2": "host.RPC serves, and modules call nobody",
	"net":                       "modules call nobody; the host listens",
	"net/http":                  "modules call nobody; the host listens",
}

// TestAModuleSaysOnlyWhatItDeclares holds what the modules publish and hear
// against the events that are declared.
func TestAModuleSaysOnlyWhatItDeclares(t *testing.T) {
	for _, m := range modules {
		none(t, undeclared(t, repository, m))
	}
}

func TestAnEventThatIsNotDeclaredIsReported(t *testing.T) {
	root := tree(t, map[string]string{
		"proto/mallbots/kiosk/v1/events.proto": "message PaperSold {\n  Paper paper = 1;\n}\n\nmessage Paper {\n  string id = 1;\n}\n",
		"proto/mallbots/annex/v1/events.proto": "message VaultOpened {\n  string id = 1;\n}\n",
		"kiosk/publishes.go": `package kiosk

import (
	"mallbots/internal/outbox"
	annexv1 "mallbots/proto/mallbots/annex/v1"
	kioskv1 "mallbots/proto/mallbots/kiosk/v1"
)

func publish() {
	outbox.Publish(ctx, tx, "k", &kioskv1.PaperSold{})
	outbox.Publish(ctx, tx, "k", &annexv1.VaultOpened{})
	outbox.Publish(ctx, tx, "k", &kioskv1.Paper{})
	outbox.Snapshot(ctx, tx, "k", something())
}
`,
		"kiosk/module.go": `package kiosk

import (
	"github.com/nats-io/nats.go"
	"mallbots/internal/inbox"
	annexv1 "mallbots/proto/mallbots/annex/v1"
	kioskv1 "mallbots/proto/mallbots/kiosk/v1"
)

func New() {
	inbox.On(in, m.onVaultOpened)
	inbox.On(in, onVaultClosed)
	inbox.On(in, anything)
	inbox.Ignore[*annexv1.Vault](in)
	inbox.Ignore[*annexv1.VaultOpened](in)
	nats.Connect("")
}

func (m *module) onVaultOpened(ctx context.Context, tx database.Tx, e *annexv1.VaultOpened) error { return nil }

func onVaultClosed(ctx context.Context, tx database.Tx, e *annexv1.VaultClosed) error { return nil }

var _ kioskv1.PaperSold
`,
	})
	require.Equal(t, []string{
		"kiosk/module.go:4: imports github.com/nats-io/nats.go: internal/outbox publishes, internal/inbox hears",
		"kiosk/module.go:12: hears mallbots.annex.v1.VaultClosed, which no events.proto declares: nobody will ever say it",
		"kiosk/module.go:13: hears what cannot be read here: give inbox.On a handler of this package",
		"kiosk/module.go:14: hears mallbots.annex.v1.Vault, which no events.proto declares: nobody will ever say it",
		"kiosk/publishes.go:11: publishes mallbots.annex.v1.VaultOpened, which kiosk's own events.proto does not declare: a module speaks for itself alone",
		"kiosk/publishes.go:12: publishes mallbots.kiosk.v1.Paper, which kiosk's own events.proto does not declare: a module speaks for itself alone",
		"kiosk/publishes.go:13: publishes what cannot be read here: write the event down in the call",
	}, undeclared(t, root, "kiosk"))
}

// said is an event that a module publishes, or hears, or ignores.
type said struct {
	event   string // empty: it cannot be read
	at      ast.Node
	publish bool
	handled bool // inbox.On
}

// undeclared are the places where a module goes past the declared events.
func undeclared(t testing.TB, root, module string) []string {
	t.Helper()
	s := sourceOf(t, root, module)
	var problems []string
	for _, file := range s.files {
		for _, spec := range file.Imports {
			target := strings.Trim(spec.Path.Value, `"`)
			for door, who := range doors {
				if target == door || strings.HasSuffix(door, "/") && strings.HasPrefix(target, door) {
					problems = append(problems, s.problem(spec.Pos(), "imports %s: %s", target, who))
				}
			}
		}
		for _, event := range s.said(file) {
			source, known := moduleOfEvent(event.event)
			known = known && isDeclared(t, root, source, event.event)
			switch {
			case event.publish && event.event == "":
				problems = append(problems, s.problem(event.at.Pos(), "publishes what cannot be read here: write the event down in the call"))
			case event.publish && (!known || source != module):
				problems = append(problems, s.problem(event.at.Pos(), "publishes %s, which %s's own events.proto does not declare: a module speaks for itself alone", event.event, module))
			case event.publish:
			case event.event == "":
				problems = append(problems, s.problem(event.at.Pos(), "hears what cannot be read here: give inbox.On a handler of this package"))
			case !known:
				problems = append(problems, s.problem(event.at.Pos(), "hears %s, which no events.proto declares: nobody will ever say it", event.event))
			}
		}
	}
	return problems
}

// said are the events that a file of the module publishes and hears.
func (s *source) said(file *ast.File) []said {
	var all []said
	ast.Inspect(file, func(node ast.Node) bool {
		call, ok := node.(*ast.CallExpr)
		if !ok {
			return true
		}
		function := call.Fun
		if index, ok := function.(*ast.IndexExpr); ok {
			if pkg, name := selected(file, index.X); pkg == "mallbots/internal/inbox" && name == "Ignore" {
				all = append(all, said{event: pointed(file, index.Index), at: call})
			}
			function = index.X
		}
		switch pkg, name := selected(file, function); {
		case pkg == "mallbots/internal/outbox" && (name == "Publish" || name == "Snapshot" || name == "PublishVersions"):
			for _, message := range call.Args[min(3, len(call.Args)):] {
				event := said{at: message, publish: true}
				if address, ok := message.(*ast.UnaryExpr); ok {
					if literal, ok := address.X.(*ast.CompositeLit); ok {
						event.event = eventName(file, literal.Type)
					}
				}
				all = append(all, event)
			}
		case pkg == "mallbots/internal/inbox" && name == "On" && len(call.Args) == 2:
			all = append(all, said{event: s.parameter(call.Args[1]), at: call, handled: true})
		}
		return true
	})
	return all
}

// parameter is the event that a handler takes, which is a method or a function
// of the module.
func (s *source) parameter(handler ast.Expr) string {
	name := ""
	switch h := handler.(type) {
	case *ast.SelectorExpr:
		name = h.Sel.Name
	case *ast.Ident:
		name = h.Name
	}
	for _, file := range s.files {
		for _, declaration := range file.Decls {
			if f, ok := declaration.(*ast.FuncDecl); ok && f.Name.Name == name && f.Type.Params.NumFields() == 3 {
				parameters := f.Type.Params.List
				return pointed(file, parameters[len(parameters)-1].Type)
			}
		}
	}
	return ""
}

// pointed is the event that a pointer type points to.
func pointed(file *ast.File, expression ast.Expr) string {
	if star, ok := expression.(*ast.StarExpr); ok {
		return eventName(file, star.X)
	}
	return ""
}

var contractPath = regexp.MustCompile(`^mallbots/proto/mallbots/(\w+)/(v\d+)$`)

// eventName is the protobuf name of a Go type such as storesv1.StoreCreated.
func eventName(file *ast.File, expression ast.Expr) string {
	pkg, name := selected(file, expression)
	if m := contractPath.FindStringSubmatch(pkg); m != nil {
		return "mallbots." + m[1] + "." + m[2] + "." + name
	}
	return ""
}

// moduleOfEvent is who publishes an event of that name.
func moduleOfEvent(event string) (string, bool) {
	parts := strings.Split(event, ".")
	if len(parts) != 4 {
		return "", false
	}
	return parts[1], true
}

// isDeclared says whether a module declares an event.
func isDeclared(t testing.TB, root, module, event string) bool {
	t.Helper()
	if files, _ := filepath.Glob(filepath.Join(root, "proto", "mallbots", module, "v*", "events.proto")); len(files) == 0 {
		return false
	}
	for _, d := range eventsOf(t, root, module) {
		if d.name == event {
			return true
		}
	}
	return false
}
