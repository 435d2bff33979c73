package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Mall is a running mall of one process or several, seen through their HTTP
// interfaces. It knows no module: who asks names the one that shall answer.
type Mall struct {
	processes []*Process
}

// Process is one of a mall's processes.
type Process struct {
	Name   string // for people, such as its URL
	base   string
	client *http.Client

	mu      sync.Mutex
	modules []string // nil: not asked yet
	fixed   bool     // it never runs others
}

// askTime bounds a request to a process. An operator's verb may take its time.
const askTime = 30 * time.Second

// Here is the process that serves handler.
func Here(handler http.Handler, modules ...string) *Process {
	return &Process{Name: "this process", base: "http://localhost", client: Inside(handler), modules: modules, fixed: true}
}

// At is the process whose operations listener is at a URL.
func At(address string, client *http.Client) (*Process, error) {
	full := strings.TrimSpace(address)
	if !strings.Contains(full, "://") {
		full = "http://" + full
	}
	u, err := url.Parse(full)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("%q is not the URL of an operations listener; want one such as http://127.0.0.1:8081", address)
	}
	return &Process{Name: u.Host, base: strings.TrimRight(u.String(), "/"), client: client}, nil
}

// NewMall is a mall of some processes.
func NewMall(processes ...*Process) *Mall { return &Mall{processes} }

// Processes are the mall's processes, in the order in which they were given.
func (m *Mall) Processes() []*Process { return m.processes }

// ErrAbsent is returned for a module that no process runs.
var ErrAbsent = errors.New("no process of this mall runs the module")

// Refusal is what a process answered instead of what was asked for.
type Refusal struct {
	Status int
	Code   string // the stable reason, where there is one
	Detail string // in words, for the caller
}

func (r *Refusal) Error() string { return r.Detail }

// Refused reports whether err is a refusal with a status.
func Refused(err error, status int) bool {
	var refusal *Refusal
	return errors.As(err, &refusal) && refusal.Status == status
}

// Modules are the modules that the processes run, each once, in the order of the
// processes. A process that does not answer is left out.
func (m *Mall) Modules(ctx context.Context) []string {
	var all []string
	for _, p := range m.processes {
		running, err := p.Modules(ctx)
		if err != nil {
			continue
		}
		for _, name := range running {
			if !slices.Contains(all, name) {
				all = append(all, name)
			}
		}
	}
	return all
}

// Has reports whether all modules are there.
func (m *Mall) Has(ctx context.Context, modules ...string) bool {
	running := m.Modules(ctx)
	return !slices.ContainsFunc(modules, func(name string) bool { return !slices.Contains(running, name) })
}

// of is a process that runs a module.
func (m *Mall) of(ctx context.Context, module string) (*Process, error) {
	var errs []error
	for _, p := range m.processes {
		running, err := p.Modules(ctx)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if slices.Contains(running, module) {
			return p, nil
		}
	}
	return nil, errors.Join(append([]error{fmt.Errorf("%w: %s", ErrAbsent, module)}, errs...)...)
}

// Get asks the process that runs a module, and decodes what it answers.
func (m *Mall) Get(ctx context.Context, module, path string, query url.Values, into any) error {
	_, err := m.Do(ctx, http.MethodGet, module, path, query, nil, into)
	return err
}

// Do sends a request with a JSON body, if it is not nil, to the process that
// runs a module, and decodes the answer into into, if that is not nil.
func (m *Mall) Do(ctx context.Context, verb, module, path string, query url.Values, body, into any) (http.Header, error) {
	p, err := m.of(ctx, module)
	if err != nil {
		return nil, err
	}
	return p.do(ctx, verb, path, query, body, into)
}

// Watch opens a stream of server-sent events of the process that runs a module.
// The caller closes it.
func (m *Mall) Watch(ctx context.Context, module, path string) (io.ReadCloser, error) {
	p, err := m.of(ctx, module)
	if err != nil {
		return nil, err
	}
	res, err := p.send(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		defer func() { _ = res.Body.Close() }()
		return nil, refusalOf(p, res)
	}
	return res.Body, nil
}

// Modules are the modules that the process runs.
func (p *Process) Modules(ctx context.Context) ([]string, error) {
	p.mu.Lock()
	known := p.modules
	p.mu.Unlock()
	if known != nil {
		return known, nil
	}
	var answer struct{ Modules []string }
	if err := p.Get(ctx, "/process", nil, &answer); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.modules = answer.Modules
	return answer.Modules, nil
}

// Get asks the process, whatever it runs.
func (p *Process) Get(ctx context.Context, path string, query url.Values, into any) error {
	_, err := p.do(ctx, http.MethodGet, path, query, nil, into)
	return err
}

func (p *Process) do(ctx context.Context, verb, path string, query url.Values, body, into any) (http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	res, err := p.send(ctx, verb, path, query, body)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK && !(path == "/readyz" && res.StatusCode == http.StatusServiceUnavailable) {
		return nil, refusalOf(p, res)
	}
	if into == nil {
		return res.Header, nil
	}
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		return nil, fmt.Errorf("%s answered %s with what cannot be read: %w", p.Name, path, err)
	}
	return res.Header, nil
}

func (p *Process) send(ctx context.Context, verb, path string, query url.Values, body any) (*http.Response, error) {
	var content io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(encoded)
	}
	address := p.base + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, verb, address, content)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	callerFrom(ctx).introduce(req.Header)
	res, err := p.client.Do(req)
	if err != nil {
		p.mu.Lock()
		if !p.fixed {
			p.modules = nil // it may be another one when it is back
		}
		p.mu.Unlock()
		return nil, fmt.Errorf("%s does not answer: %w", p.Name, err)
	}
	return res, nil
}

// refusalOf is what an answer that is no success says.
func refusalOf(p *Process, res *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("read what %s answered: %w", p.Name, err)
	}
	var problem struct{ Code, Detail, Error string }
	refusal := &Refusal{Status: res.StatusCode, Detail: strings.TrimSpace(string(text))}
	if json.Unmarshal(text, &problem) == nil && problem.Detail+problem.Error != "" {
		refusal.Code, refusal.Detail = problem.Code, problem.Detail+problem.Error
	}
	return refusal
}
