package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"mallbots/internal/host/hosttest"
	"mallbots/internal/rest"
)

// exchange is one request and what must come of it. Names such as $store stand
// for the ids that earlier exchanges answered.
type exchange struct {
	call      string   // method, path and query
	body      string   // JSON; may be empty
	with      []string // headers: name, value, …
	want      string   // "409 BASKET_EMPTY": status, code, and the violated fields; empty is 200
	is        string   // the answer, exactly: ids as names, else ID; times as TIME; may be empty
	as        string   // the name for the id in the answer
	etag      string   // the version that the answer names
	published string   // Mallbots-Position, exactly; "nothing" for none
	waits     bool     // asks again until the answer is as wanted
}

// answer is what came of a request, by whichever door it came in.
type answer struct {
	status     int
	code       string
	violations []string
	body       string
	etag       string
	position   string
}

// door is a way into the mall: REST or gRPC.
type door interface {
	send(t *testing.T, method, target, body string, headers []string) answer
}

// TestTheAPIAnswersAsWritten sends the same requests through both doors of a
// running mall, in order, and requires that every route succeeds once.
func TestTheAPIAnswersAsWritten(t *testing.T) {
	for name, open := range map[string]func(t *testing.T, p *process) door{
		"REST": func(_ *testing.T, p *process) door { return restDoor{p.url} },
		"gRPC": func(t *testing.T, p *process) door { return newGRPCDoor(t, p.url) },
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, backend ...string) {
				p := start(t, backend...)
				c := &caller{door: open(t, p), ids: map[string]string{"nobody": "01920000-0000-7000-8000-000000000000"}}
				for _, story := range [][]exchange{storesStory, customersStory, basketsStory, ordersStory, depotStory, badInput} {
					for _, e := range story {
						c.exchange(t, e)
					}
				}
				require.Empty(t, c.untried(), "routes that never succeeded")
				p.audit(t)
			})
		})
	}
}

// caller plays exchanges, and remembers what it was told.
type caller struct {
	door      door
	ids       map[string]string
	positions []string // the last Mallbots-Position of the last keys that changed, which every request goes on from
	keys      int      // how many idempotency keys were made up
	worked    map[protoreflect.FullName]bool
}

// exchange plays one exchange.
func (c *caller) exchange(t *testing.T, e exchange) {
	t.Helper()
	method, target, ok := strings.Cut(c.expand(e.call), " ")
	require.True(t, ok, e.call)
	headers := append([]string{}, e.with...)
	for n := range headers {
		headers[n] = c.expand(headers[n])
	}
	if len(c.positions) > 0 && !strings.Contains(strings.Join(headers, " "), "Mallbots-After") {
		headers = append(headers, "Mallbots-After", strings.Join(c.positions, ", "))
	}
	again := method != "GET" && e.want == "" // a change that is sent twice has one effect, and one answer
	if again && !slices.Contains(headers, "Idempotency-Key") {
		c.keys++
		headers = append(headers, "Idempotency-Key", fmt.Sprint("change-", c.keys))
	}
	if again && method != "POST" && !slices.Contains(headers, "If-Match") { // whoever has not seen the last version changes nothing
		a := c.door.send(t, method, target, c.expand(e.body), append([]string{"If-Match", `"999"`}, headers...))
		require.Equal(t, []any{412, "VERSION_STALE"}, []any{a.status, a.code}, "%s: %s", e.call, a.body)
	}
	ask := func() (a answer) { // on a busy machine a module is not told in time, and asked again
		hosttest.Eventually(t, func() bool {
			a = c.door.send(t, method, target, c.expand(e.body), headers)
			return a.code != "NOT_YET_CAUGHT_UP" || strings.Contains(e.want, a.code)
		})
		return a
	}
	a := ask()
	if again {
		require.Equal(t, a, ask(), "%s, sent again with its key", e.call)
	}
	if e.waits {
		hosttest.Eventually(t, func() bool {
			a = ask()
			return c.normal(a.body) == normalJSON(e.is)
		}, "%s never answered %s", e.call, e.is)
	}
	if e.want != "" {
		got := strings.TrimSpace(fmt.Sprintf("%d %s %s", a.status, a.code, strings.Join(a.violations, " ")))
		require.Equal(t, e.want, got, "%s %s: %s", e.call, e.body, a.body)
		return
	}
	require.Equal(t, 200, a.status, "%s %s: %s", e.call, e.body, a.body)
	c.learn(t, method, target, e.as, a)
	if e.is != "" {
		require.Equal(t, normalJSON(e.is), c.normal(a.body), e.call)
	}
	if e.etag != "" {
		require.Equal(t, `"`+e.etag+`"`, a.etag, e.call)
	}
	if e.published != "" {
		require.Equal(t, strings.TrimPrefix(e.published, "nothing"), c.name(a.position), e.call)
	}
}

// learn remembers the id and the position of an answer, and which method it was.
func (c *caller) learn(t *testing.T, method, target, name string, a answer) {
	t.Helper()
	if a.position != "" {
		const most = 32 // that a request may name
		key, _, _ := strings.Cut(a.position, "@")
		c.positions = slices.DeleteFunc(c.positions, func(p string) bool { return strings.HasPrefix(p, key+"@") })
		c.positions = append(c.positions[max(0, len(c.positions)-most+1):], a.position)
	}
	if name != "" {
		var created struct{ ID string }
		require.NoError(t, json.Unmarshal([]byte(a.body), &created))
		require.Regexp(t, uuid7, created.ID)
		c.ids[name] = created.ID
	}
	rpc, _ := findMethod(method, target)
	require.NotNil(t, rpc, "%s %s", method, target)
	if c.worked == nil {
		c.worked = map[protoreflect.FullName]bool{}
	}
	c.worked[rpc.FullName()] = true
}

// untried are the methods of the API that were not called, or never with success.
func (c *caller) untried() []protoreflect.FullName {
	var missing []protoreflect.FullName
	for rpc := range methods() {
		if !c.worked[rpc.FullName()] && !rpc.IsStreamingServer() {
			missing = append(missing, rpc.FullName())
		}
	}
	return missing
}

var (
	uuid7 = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`)
	times = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
	names = regexp.MustCompile(`\$[a-z][a-zA-Z0-9]*`)
)

// expand writes ids for names.
func (c *caller) expand(text string) string {
	return names.ReplaceAllStringFunc(text, func(name string) string {
		if id, ok := c.ids[name[1:]]; ok {
			return id
		}
		return name
	})
}

// name writes names for ids.
func (c *caller) name(text string) string {
	for name, id := range maps.All(c.ids) {
		text = strings.ReplaceAll(text, id, "$"+name)
	}
	return times.ReplaceAllString(uuid7.ReplaceAllString(text, "ID"), "TIME")
}

// normal is the JSON of an answer with names for ids.
func (c *caller) normal(body string) string { return normalJSON(c.name(body)) }

// normalJSON writes JSON in one way.
func normalJSON(text string) string {
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		return text
	}
	sorted, err := json.MarshalIndent(value, "", " ")
	if err != nil {
		return text
	}
	return string(sorted)
}

// methods are the methods of the API with their routes.
func methods() map[protoreflect.MethodDescriptor][]rest.Route {
	found := map[protoreflect.MethodDescriptor][]rest.Route{}
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		if !strings.HasPrefix(string(file.Package()), "mallbots.") {
			return true
		}
		for i := range file.Services().Len() {
			rpcs := file.Services().Get(i).Methods()
			for j := range rpcs.Len() {
				found[rpcs.Get(j)] = rest.Routes(rpcs.Get(j))
			}
		}
		return true
	})
	return found
}

// findMethod is the method that answers a call, and the variables in its path.
// The route with the most words of its own wins.
func findMethod(verb, target string) (found protoreflect.MethodDescriptor, variables map[string]string) {
	path, _, _ := strings.Cut(target, "?")
	best := -1
	for rpc, routes := range methods() {
		for _, route := range routes {
			if vars, words := matchPath(route.Path, path); route.Method == verb && words > best {
				found, variables, best = rpc, vars, words
			}
		}
	}
	return found, variables
}

// matchPath is how many words of a route's path stand in path, -1 when it is
// another path.
func matchPath(route, path string) (variables map[string]string, words int) {
	want, got := strings.Split(route, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return nil, -1
	}
	variables = map[string]string{}
	for n, word := range want {
		switch {
		case strings.HasPrefix(word, "{"):
			variables[strings.Trim(word, "{}")] = got[n]
		case word == got[n]:
			words++
		default:
			return nil, -1
		}
	}
	return variables, words
}
