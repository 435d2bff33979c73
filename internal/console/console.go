// Package console is what an operator sees of a mall: how events flow between
// the modules, what became of an order, what could not be handled and what to do
// about it, the depot at work, and the health of every part.
//
// It is built on the operations listeners of the mall's processes and the API
// behind them, whether that is one process or many, and keeps nothing itself. It
// shows who ordered what and acts on dead letters: serve it where operators are,
// and nobody else.
package console

import (
	"context"
	"embed"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/go-chi/chi/v5"

	"mallbots/internal/web"
)

//go:embed templates
var templates embed.FS

// liveEvery is how often a live part of a page is made anew.
const liveEvery = 2 * time.Second

// console serves the pages.
type console struct {
	Options
	mall    *web.Mall
	site    *web.Site
	samples samples
}

// Options are what the listener knows that serves the console.
type Options struct {
	Stopping <-chan struct{}              // ends the streams when it is closed
	Who      func(r *http.Request) string // who asks, as far as was made sure of; empty: they may say
}

// Mount serves the console of a mall below /console.
func Mount(r chi.Router, mall *web.Mall, options Options) {
	c := &console{Options: options, mall: mall, site: web.NewSite("console", templates,
		web.Link{Name: "Live map", Path: "/console"},
		web.Link{Name: "Orders", Path: "/console/orders"},
		web.Link{Name: "Dead letters", Path: "/console/letters"},
		web.Link{Name: "Depot", Path: "/console/depot"},
		web.Link{Name: "Health", Path: "/console/health"},
	)}
	r.Group(func(r chi.Router) {
		r.Use(web.Protect, c.introduce)
		r.Get("/console", c.liveMap)
		r.Get("/console/map", c.liveMapLive)
		r.Get("/console/orders", c.orders)
		r.Get("/console/orders/{id}", c.order)
		r.Get("/console/orders/{id}/at", c.orderAt)
		r.Get("/console/letters", c.letters)
		r.Get("/console/letters/{id}", c.letter)
		r.Post("/console/letters/{id}/{verb}", c.decide)
		r.Post("/console/letters/retry", c.retrySome)
		r.Get("/console/depot", c.depot)
		r.Get("/console/depot/live", c.depotLive)
		r.Get("/console/health", c.health)
		r.Get("/console/health/live", c.healthLive)
		r.Get("/console/runbooks/{alert}", c.runbook)
	})
}

// operatorCookie remembers who is at work here, for the record.
const operatorCookie = "console_operator"

// introduce tells the mall who asks.
func (c *console) introduce(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller := web.Caller{Address: r.RemoteAddr, Operator: c.operatorOf(r), Authorization: r.Header.Get("Authorization")}
		next.ServeHTTP(w, r.WithContext(web.WithCaller(r.Context(), caller)))
	})
}

// operatorOf is who is at work: who was made sure of, or else the name that they
// gave, at last or before.
func (c *console) operatorOf(r *http.Request) string {
	name := ""
	if c.Who != nil {
		name = c.Who(r)
	}
	if name != "" {
		return name
	}
	if cookie, err := r.Cookie(operatorCookie); err == nil {
		name, _ = url.QueryUnescape(cookie.Value) // what cannot be read is no name
	}
	if r.Method == http.MethodPost && r.PostFormValue("operator") != "" {
		name = r.PostFormValue("operator")
	}
	name = strings.TrimSpace(strings.Map(func(letter rune) rune {
		if unicode.IsControl(letter) {
			return -1
		}
		return letter
	}, name))
	if runes := []rune(name); len(runes) > 60 {
		name = string(runes[:60])
	}
	return name
}

func (c *console) rememberOperator(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, &http.Cookie{
		Name: operatorCookie, Value: url.QueryEscape(c.operatorOf(r)), Path: "/console", MaxAge: 30 * 24 * 3600,
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: web.OverTLS(r),
	})
}

// show answers with a page whose navigation tells what needs attention.
func (c *console) show(w http.ResponseWriter, r *http.Request, page web.Page) {
	page.Badges = c.badges(r.Context())
	c.site.Show(w, r, page)
}

type sorry struct{ Headline, Detail string }

// fail answers with what went wrong, in the words of who refused.
func (c *console) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, headline := http.StatusBadGateway, "The mall does not answer"
	var refusal *web.Refusal
	switch {
	case errors.As(err, &refusal) && refusal.Status == http.StatusNotFound:
		status, headline = refusal.Status, "There is no such thing"
	case errors.As(err, &refusal):
		status, headline = refusal.Status, "That did not work"
	case errors.Is(err, web.ErrAbsent):
		status, headline = http.StatusNotFound, "That does not run here"
	}
	c.show(w, r, web.Page{Status: status, Name: "sorry", Title: headline, Data: sorry{headline, err.Error()}})
}

// live sends a part of a page again whenever it has changed.
func (c *console) live(w http.ResponseWriter, r *http.Request, page, part string, data func(ctx context.Context) (any, error)) {
	web.Repeat(w, r, c.Stopping, liveEvery, func(ctx context.Context) (string, error) {
		now, err := data(ctx)
		if err != nil {
			return c.site.Part(page, "trouble", err.Error())
		}
		return c.site.Part(page, part, now)
	})
}

// each asks every module that runs for the same, and hands its answer on.
func each[T any](ctx context.Context, c *console, path string, query url.Values, take func(module string, answer T)) error {
	modules := c.mall.Modules(ctx)
	if len(modules) == 0 {
		return errors.New("no process of this mall answers")
	}
	for _, module := range modules {
		asked := url.Values{"module": {module}}
		for name, values := range query {
			asked[name] = values
		}
		var answer T
		if err := c.mall.Get(ctx, module, path, asked, &answer); err != nil {
			return err
		}
		take(module, answer)
	}
	return nil
}
