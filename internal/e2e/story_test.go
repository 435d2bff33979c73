package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// scenario is something that people do in a mall. It makes all that it needs,
// and looks at nothing else, so that scenarios can run beside each other.
type scenario struct {
	name string
	play func(s *story)
}

// story is one run of a scenario, and the facts that are to be the same in
// every topology.
type story struct {
	*testing.T
	mall *mall
	run  string // tells this run from others

	mu        sync.Mutex
	ids       map[string]string // by name
	positions []string          // the last of each key that this story has changed
	facts     []string
}

var (
	names = regexp.MustCompile(`\$[a-z][a-zA-Z0-9]*`)
	uuids = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
)

// expand writes ids for names such as $store.
func (s *story) expand(text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return names.ReplaceAllStringFunc(text, func(name string) string {
		id, ok := s.ids[name[1:]]
		if !ok {
			return name
		}
		return id
	})
}

// fact writes down what is to be the same everywhere, with names for ids.
func (s *story) fact(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, id := range s.ids {
		text = strings.ReplaceAll(text, id, "$"+name)
	}
	s.facts = append(s.facts, uuids.ReplaceAllString(text, "ID"))
}

// request is a call such as "PUT /api/baskets/$basket/checkout". A change has a
// key, so that it is safe to send again. Without a Mallbots-After among the
// headers it is answered by who has heard of all that this story has changed.
func (s *story) request(call, body string, headers ...string) request {
	method, target, ok := strings.Cut(s.expand(call), " ")
	require.True(s, ok, call)
	r := request{method: method, target: target, body: s.expand(body), header: http.Header{}}
	for n := 0; n < len(headers); n += 2 {
		r.header.Add(headers[n], s.expand(headers[n+1]))
	}
	if method != http.MethodGet && r.header.Get("Idempotency-Key") == "" {
		r.header.Set("Idempotency-Key", uuid.NewString())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.positions) > 0 && r.header.Get("Mallbots-After") == "" {
		r.header.Set("Mallbots-After", strings.Join(s.positions, ", "))
	}
	return r
}

// learn remembers the position of what was published.
func (s *story) learn(position string) {
	const most = 32 // that a request may name
	key, _, ok := strings.Cut(position, "@")
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.positions = slices.DeleteFunc(s.positions, func(p string) bool { return strings.HasPrefix(p, key+"@") })
	s.positions = append(s.positions[max(0, len(s.positions)-most+1):], position)
}

// try sends a request, whatever the answer.
func (s *story) try(call, body string, headers ...string) answer {
	s.Helper()
	a, err := s.mall.send(s.Context(), s.request(call, body, headers...), "")
	require.NoError(s, err)
	s.learn(a.position)
	return a
}

// do requires that a request succeeds.
func (s *story) do(call, body string, headers ...string) answer {
	s.Helper()
	a := s.try(call, body, headers...)
	require.Equal(s, http.StatusOK, a.status, "%s %s: %s", call, body, a.body)
	return a
}

// add does what makes something, and gives its id a name.
func (s *story) add(name, call, body string, headers ...string) {
	s.Helper()
	a := s.do(call, body, headers...)
	var made struct{ ID string }
	require.NoError(s, json.Unmarshal(a.body, &made), "%s", a.body)
	require.NotEmpty(s, made.ID, "%s", a.body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids[name] = made.ID
}

// refused requires that a request is answered so, such as "409 BASKET_EMPTY", and writes it down.
func (s *story) refused(want, call, body string, headers ...string) {
	s.Helper()
	a, err := s.mall.send(s.Context(), s.request(call, body, headers...), want)
	require.NoError(s, err)
	require.Equal(s, want, a.String(), "%s %s: %s", call, body, a.body)
	s.fact("%s %s is refused: %s", call, body, want)
}

// get decodes what a request answers.
func (s *story) get(into any, call string, headers ...string) answer {
	s.Helper()
	a := s.do(call, "", headers...)
	require.NoError(s, json.Unmarshal(a.body, into), "%s", a.body)
	return a
}

// eventually asks until the answer is as it should become.
func (s *story) eventually(into any, call string, become func() bool) {
	s.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; <-tick.C {
		a := s.try(call, "")
		if a.status != http.StatusNotFound {
			require.Equal(s, http.StatusOK, a.status, "%s: %s", call, a.body)
			require.NoError(s, json.Unmarshal(a.body, into))
			if become() {
				return
			}
		}
		require.True(s, time.Now().Before(deadline), "%s never became what it should: %s", call, a.body)
	}
}
