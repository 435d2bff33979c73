package host_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/host"
	"mallbots/internal/host/hosttest"
)

// wire is the network between the two processes of a move, which breaks where a
// test wants it to: on says what becomes of the step that a path ends with.
type wire struct {
	*httptest.Server
	paused atomic.Bool // the module has paused
	down   atomic.Bool // nothing passes
}

// newWire leads to the ops listener of m. Broken is asked about each request
// after the pause has begun: whether it is passed on, and whether its answer
// comes back.
func newWire(t *testing.T, m *hosttest.Mall, broken func(w *wire, step string) (arrives, answers bool)) *wire {
	t.Helper()
	target, err := url.Parse(m.OpsURL)
	require.NoError(t, err)
	through := httputil.NewSingleHostReverseProxy(target)
	w := &wire{}
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		step := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
		arrives, answers := !w.down.Load(), !w.down.Load()
		if arrives && w.paused.Load() {
			arrives, answers = broken(w, step)
		}
		if step == "leave" {
			w.paused.Store(true)
		}
		if arrives && !answers {
			recorded := httptest.NewRecorder()
			through.ServeHTTP(recorded, r)
			_, _ = io.Copy(io.Discard, recorded.Body)
		}
		if !arrives || !answers {
			panic(http.ErrAbortHandler)
		}
		through.ServeHTTP(rw, r)
	}))
	w.Config.ErrorLog = nil
	t.Cleanup(w.Close)
	return w
}

func (p *pair) moveOver(t *testing.T, w *wire) hosttest.Response {
	t.Helper()
	return p.other.Ops(t, "POST", "/modules/"+p.module+"/arrive", host.MoveRequest{From: w.URL, Ops: p.other.OpsURL, API: p.other.URL, Pause: "2s"})
}

func TestAMoveThatBreaksHalfWayIsUndone(t *testing.T) {
	for name, broken := range map[string]func(w *wire, step string) (bool, bool){
		"nothing passes after the pause began": func(*wire, string) (bool, bool) { return false, false },
		"the last rows do not come":            func(_ *wire, step string) (bool, bool) { return step != "rows", step != "rows" },
		"the decision does not arrive":         func(_ *wire, step string) (bool, bool) { return step != "goodbye", step != "goodbye" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startPair(t, "depot", host.Config{}, host.Config{})
			p.buy(t)
			w := newWire(t, p.mall, broken)
			r := p.moveOver(t, w)
			require.Equal(t, 503, r.Status, r.Text)
			w.down.Store(false)
			w.paused.Store(false)
			hosttest.Eventually(t, func() bool { return works(t, p.mall, "depot") }, "it works on where it was")
			require.False(t, works(t, p.other, "depot"))
			p.buy(t)
			p.other.Restart(t) // a half copy is no home
			require.False(t, works(t, p.other, "depot"))
			p.audit(t)
			hosttest.Eventually(t, func() bool { // it may still be asking
				return p.move(t, p.mall, p.other).Status == http.StatusOK
			}, "it moves the next time")
			p.buy(t)
			p.audit(t)
		})
	}
}

func TestAnAnswerThatIsLostDecidesNothing(t *testing.T) {
	p := startPair(t, "depot", host.Config{}, host.Config{})
	p.buy(t)
	w := newWire(t, p.mall, func(_ *wire, step string) (bool, bool) { return true, step != "goodbye" })
	r := p.moveOver(t, w)
	require.Equal(t, 200, r.Status, "it asked, and was told: %s", r.Text)
	require.False(t, works(t, p.mall, "depot"))
	require.True(t, works(t, p.other, "depot"))
	p.buy(t)
	p.audit(t)
}

// TestAProcessThatCannotAskWaits loses the answer and then everything, and has
// the new process start again before it can ask.
func TestAProcessThatCannotAskWaits(t *testing.T) {
	p := startPair(t, "depot", host.Config{}, host.Config{})
	p.buy(t)
	w := newWire(t, p.mall, func(w *wire, step string) (bool, bool) {
		if step == "goodbye" {
			w.down.Store(true)
			return true, false
		}
		return true, true
	})
	r := p.moveOver(t, w)
	require.Equal(t, 503, r.Status, r.Text)
	require.Contains(t, r.Text, "does not say whether it has let it go")
	require.False(t, works(t, p.mall, "depot"), "it has")
	require.False(t, works(t, p.other, "depot"), "which nobody knows here")
	p.other.Restart(t)
	require.False(t, works(t, p.other, "depot"))
	hosttest.Eventually(t, func() bool {
		ok, detail, _ := part(t, p.other, "depot.residence")
		return !ok && strings.Contains(detail, "whether it has let it go")
	})
	w.down.Store(false)
	hosttest.Eventually(t, func() bool { return works(t, p.other, "depot") }, "it takes the module when it is told")
	require.False(t, works(t, p.mall, "depot"))
}
