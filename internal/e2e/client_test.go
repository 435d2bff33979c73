package e2e

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// modules are those of a mall.
var modules = []string{"stores", "baskets", "ordering", "depot"}

// mall is a running mall: where each module answers. Nothing else of it can be seen.
type mall struct {
	api  map[string][]string // base URLs by module, one or several
	next atomic.Uint64
}

// patience is how long a request is repeated, and how long a change elsewhere is waited for.
const patience = time.Minute

// request is one that can be sent again.
type request struct {
	method, target, body string
	header               http.Header
}

// answer is what came of it.
type answer struct {
	status   int
	code     string // the stable reason of a refusal
	body     []byte
	etag     string
	position string
}

// String is the status, and why.
func (a answer) String() string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", a.status, a.code))
}

// module is who answers a path: the module of a route, or of an RPC.
func module(target string) string {
	for prefix, name := range map[string]string{
		"/api/stores": "stores", "/api/baskets": "baskets", "/api/ordering": "ordering", "/api/customers": "ordering", "/api/depot": "depot",
		"/mallbots.stores.": "stores", "/mallbots.baskets.": "baskets", "/mallbots.ordering.": "ordering", "/mallbots.depot.": "depot",
	} {
		if strings.HasPrefix(target, prefix) {
			return name
		}
	}
	return ""
}

// base is one of the places where a module answers, each in turn.
func (m *mall) base(target string) string {
	urls := m.api[module(target)]
	return urls[m.next.Add(1)%uint64(len(urls))]
}

// send sends a request until it is answered by something else than try again,
// or as the caller wants it.
func (m *mall) send(ctx context.Context, r request, want string) (answer, error) {
	deadline := time.Now().Add(patience)
	for attempt := 0; ; attempt++ {
		a, err := m.once(ctx, r)
		if err == nil && (a.String() == want || !again(a)) {
			return a, nil
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			return a, fmt.Errorf("%s %s was not settled within %s: %w", r.method, r.target, patience, cmp.Or(err, errors.New(string(a.body))))
		}
		pause := time.NewTimer(min(5*time.Millisecond<<min(attempt, 6), 200*time.Millisecond))
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
		pause.Stop()
	}
}

// again says whether the answer is to try again.
func again(a answer) bool {
	switch a.code {
	case "IDEMPOTENCY_IN_FLIGHT", "CONCURRENT_CHANGE":
		return true
	}
	return a.status == http.StatusServiceUnavailable
}

// once sends a request one time.
func (m *mall) once(ctx context.Context, r request) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, r.method, m.base(r.target)+r.target, strings.NewReader(r.body))
	if err != nil {
		return answer{}, err
	}
	req.Header = r.header.Clone()
	if r.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: res.StatusCode, body: body, etag: res.Header.Get("ETag"), position: res.Header.Get("Mallbots-Position")}
	if a.status != http.StatusOK {
		var problem struct{ Code string }
		if err := json.Unmarshal(body, &problem); err != nil {
			return a, fmt.Errorf("%d with a body that is no problem: %s", a.status, body)
		}
		a.code = problem.Code
	}
	return a, nil
}
