package browser

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/cdproto/cdp"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"mallbots/baskets"
	"mallbots/depot"
	"mallbots/internal/host"
	"mallbots/internal/host/hosttest"
	"mallbots/ordering"
	"mallbots/stores"
)

type object = hosttest.Object

var modules = []host.Module{
	{Name: "stores", New: stores.New},
	{Name: "baskets", New: baskets.New},
	{Name: "ordering", New: ordering.New},
	{Name: "depot", New: depot.New},
}

// patience is how long a page may take to show what is waited for.
const patience = 30 * time.Second

// chromium is the browser's path.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		require.Fail(t, "there is no Chromium; install the package chromium")
	}
	t.Skip("NOT RUN: there is no Chromium; install the package chromium")
	return ""
}

// tab is one page of a browser of its own.
type tab struct {
	context.Context
	mutex  sync.Mutex
	errors []string // what the browser's console complained of
}

// open starts a browser for the test.
func open(t *testing.T) *tab {
	t.Helper()
	allocated, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()),
		chromedp.ExecPath(chromium(t)), chromedp.NoSandbox, chromedp.Headless, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("hide-scrollbars", true), chromedp.WSURLReadTimeout(time.Minute), chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1280, 900))
	t.Cleanup(stop)
	ctx, done := chromedp.NewContext(allocated)
	t.Cleanup(done)
	p := &tab{Context: ctx}
	require.NoError(t, chromedp.Listen(ctx, p.listen))
	_, err := chromedp.Call(ctx, cdplog.Enable, cdp.Empty{})
	require.NoError(t, err)
	return p
}

// listen keeps what the browser's console complains of: scripts that fail, and
// what the policy of the page forbade.
func (p *tab) listen(event any) {
	complaint := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		complaint = e.ExceptionDetails.Text
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			complaint = "console: "
			for _, argument := range e.Args {
				complaint += string(argument.Value) + argument.Description + " "
			}
		}
	case *cdplog.EventEntryAdded:
		if e.Entry.Level == cdplog.EntryLevelError || e.Entry.Level == cdplog.EntryLevelWarning {
			complaint = e.Entry.URL + ": " + e.Entry.Text
		}
	}
	if complaint != "" {
		p.mutex.Lock()
		defer p.mutex.Unlock()
		p.errors = append(p.errors, complaint)
	}
}

// quiet requires that the browser had nothing to complain of.
func (p *tab) quiet(t *testing.T) {
	t.Helper()
	p.mutex.Lock()
	defer p.mutex.Unlock()
	require.Empty(t, p.errors)
}

// clear forgets what the browser complained of: a refusal that was wanted.
func (p *tab) clear() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.errors = nil
}

// do runs actions, and fails when they take too long.
func (p *tab) do(t *testing.T, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(p, patience)
	defer cancel()
	require.NoError(t, chromedp.Do(ctx, actions...))
}

// visit goes to a page.
func (p *tab) visit(t *testing.T, address string) {
	t.Helper()
	p.do(t, chromedp.Navigate(address))
}

// sees waits until the page's text has all of the words.
func (p *tab) sees(t *testing.T, words ...string) {
	t.Helper()
	for _, word := range words {
		text := ""
		for deadline := time.Now().Add(patience); !strings.Contains(text, word); time.Sleep(20 * time.Millisecond) {
			require.False(t, time.Now().After(deadline), "the page does not say what is waited for: %q is not in:\n%s", word, text)
			text = p.text(t)
		}
	}
}

// text is what the page shows.
func (p *tab) text(t *testing.T) string {
	t.Helper()
	return value[string](t, p, `document.body ? document.body.innerText : ""`)
}

// value is what a script finds on the page. A page that goes away meanwhile, for
// a click leads on, is no answer: the next one is asked.
func value[T any](t *testing.T, p *tab, script string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(p, patience)
	defer cancel()
	for {
		found, err := chromedp.Run(ctx, chromedp.Evaluate[T](script))
		if gone := (*cdproto.Error)(nil); errors.As(err, &gone) && ctx.Err() == nil {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		require.NoError(t, err)
		return found
	}
}

// id is the id in an answer.
func id(answer object) string { return answer["id"].(string) }
