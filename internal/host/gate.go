package host

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"

	"mallbots/internal/api"
	"mallbots/internal/client"
	"mallbots/internal/fault"
)

// What a module answers that is not at home here.
var (
	ErrStandby   = fault.New(fault.Unavailable, "MODULE_STANDBY", "this process stands by until the module is moved to it")
	ErrMoving    = fault.New(fault.Unavailable, "MODULE_MOVING", "the module is on its way to another process; try again in a moment")
	ErrElsewhere = fault.New(fault.Unavailable, "MODULE_ELSEWHERE", "the module was moved to another process, which does not answer")
)

// longestHold bounds how long a request waits at a gate while a module moves. A
// move takes its module away for two seconds at most.
const longestHold = 10 * time.Second

// headerForwarded has a letter for each process that sent the request on. A
// module that comes back meets what was sent after it: once it goes to and fro,
// but not for ever.
const (
	headerForwarded = "Mallbots-Forwarded"
	mostHops        = 3
)

// gate stands before the API of one module. While the module moves, requests
// wait in front of it; when it has moved, they are sent after it.
type gate struct {
	mu       sync.Mutex
	position position
	changed  chan struct{} // closed when position changes
	stopping chan struct{} // closed when the streams are to end
	inside   int           // requests that were let in and are not answered
	empty    chan struct{} // closed when the last of them is, while the gate is shut
	forward  http.Handler  // to where the module is
	target   string        // the URL of that
}

// position is what a gate does with requests.
type position string

const (
	letIn   position = "open"
	hold    position = "hold"
	standby position = "standby"
	sendOn  position = "forward"
)

func newGate() *gate {
	return &gate{position: letIn, changed: make(chan struct{}), stopping: make(chan struct{})}
}

// set changes the position.
func (g *gate) set(p position) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.position != letIn && p == letIn {
		g.stopping = make(chan struct{})
	}
	g.position = p
	close(g.changed)
	g.changed = make(chan struct{})
}

// sendTo has requests sent to another process from now on.
func (g *gate) sendTo(target string) error {
	forward, err := forwarder(target)
	if err != nil {
		return err
	}
	g.mu.Lock()
	g.forward, g.target = forward, target
	g.mu.Unlock()
	g.set(sendOn)
	return nil
}

// shut holds what comes, ends the streams, and waits until nobody is inside.
func (g *gate) shut(ctx context.Context) error {
	g.set(hold)
	g.mu.Lock()
	close(g.stopping)
	g.empty = make(chan struct{})
	if g.inside == 0 {
		close(g.empty)
	}
	empty := g.empty
	g.mu.Unlock()
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
		g.mu.Lock()
		defer g.mu.Unlock()
		return fmt.Errorf("%d requests are still being answered", g.inside)
	}
}

// enter decides about one request: it is let in, waits for changed, or is dealt
// with by instead.
func (g *gate) enter() (stopping, changed <-chan struct{}, instead http.Handler, at position) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.position == letIn {
		g.inside++
	}
	return g.stopping, g.changed, g.forward, g.position
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	if g.inside == 0 && g.position == hold && g.empty != nil {
		select {
		case <-g.empty:
		default:
			close(g.empty)
		}
	}
}

// door is what requests of the module pass through.
func (g *gate) door(next http.Handler, refuse api.Refuse) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var patience <-chan time.Time
		for {
			stopping, changed, forward, at := g.enter()
			switch at {
			case letIn:
				defer g.leave()
				next.ServeHTTP(w, r.WithContext(api.WithStopping(r.Context(), stopping)))
				return
			case standby:
				refuse(w, r, ErrStandby)
				return
			case sendOn:
				if len(r.Header.Get(headerForwarded)) >= mostHops {
					refuse(w, r, ErrMoving)
					return
				}
				forward.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), refuseKey{}, refuse)))
				return
			case hold:
			}
			if patience == nil {
				timer := time.NewTimer(longestHold)
				defer timer.Stop()
				patience = timer.C
			}
			select {
			case <-changed:
			case <-patience:
				refuse(w, r, ErrMoving)
				return
			case <-r.Context().Done():
				return
			}
		}
	})
}

type refuseKey struct{}

// forwarder sends requests to the API at target, in the HTTP version that gRPC
// needs, and answers in the caller's protocol when nobody is there.
func forwarder(target string) (http.Handler, error) {
	to, err := url.Parse(target)
	if err != nil || to.Host == "" {
		return nil, fmt.Errorf("%q is not the URL of an API; want one such as http://127.0.0.1:8080", target)
	}
	transport, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return nil, fmt.Errorf("the default transport is a %T", http.DefaultTransport)
	}
	who, err := client.FromEnvironment() // for its TLS; the requests say themselves who asks
	if err != nil {
		return nil, err
	}
	own := transport.Clone()
	own.TLSClientConfig = who.TLS
	own.MaxIdleConns, own.MaxIdleConnsPerHost, own.DisableCompression = 0, 256, true
	own.Protocols = new(http.Protocols)
	if to.Scheme == "https" {
		own.Protocols.SetHTTP1(true)
		own.Protocols.SetHTTP2(true)
	} else {
		own.Protocols.SetUnencryptedHTTP2(true)
	}
	return &httputil.ReverseProxy{
		Transport:     own,
		FlushInterval: -1, // of streams
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.SetXForwarded()
			r.Out.Header.Del("Origin") // this process has let the page in, whose host the other one does not know
			r.Out.Header.Del("Sec-Fetch-Site")
			r.Out.Header.Set(headerForwarded, r.In.Header.Get(headerForwarded)+"x")
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			refuse, ok := r.Context().Value(refuseKey{}).(api.Refuse)
			if !ok || r.Context().Err() != nil {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			refuse(w, r, ErrElsewhere.With("%s", err))
		},
	}, nil
}
