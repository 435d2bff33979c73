// Package shop is the storefront: a visitor goes from store to store, fills a
// basket, checks out, and watches the order arrive. It is also the tour of a
// newcomer, and an example of what can be built on the API: it knows nothing but
// the REST routes that anybody may call, and keeps no state but two cookies, the
// ids of the visitor's customer and basket.
package shop

import (
	"context"
	"embed"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"mallbots/internal/web"
)

//go:embed templates
var templates embed.FS

// Needs are the modules without which there is nothing to visit.
var needs = []string{"stores", "baskets", "ordering"}

// shop serves the pages.
type shop struct {
	Options
	mall *web.Mall
	site *web.Site
}

// Options are what the listener knows that serves the storefront.
type Options struct {
	// Customer is the customer that the visitor has signed in as; empty when they
	// have not. Nil where nobody is asked who they are: then a visitor becomes a
	// customer with their first basket.
	Customer func(r *http.Request) string
	SignIn   string // path of the form where they do
}

// Mount serves the storefront of a mall: its front page at /, the rest below
// /shop.
func Mount(r chi.Router, mall *web.Mall, options Options) {
	s := &shop{Options: options, mall: mall, site: web.NewSite("shop", templates,
		web.Link{Name: "Stores", Path: "/"}, web.Link{Name: "Basket", Path: "/shop/basket"})}
	r.Group(func(r chi.Router) {
		r.Use(web.Protect, s.whole, introduce)
		r.Get("/", s.home)
		r.Get("/shop/stores/{id}", s.store)
		r.Get("/shop/basket", s.showBasket)
		r.Post("/shop/basket/add", s.add)
		r.Post("/shop/basket/remove", s.remove)
		r.Post("/shop/checkout", s.checkOut)
		r.Get("/shop/orders/{id}", s.order)
		r.Get("/shop/orders/{id}/live", s.orderLive)
		r.Post("/shop/orders/{id}/collect", s.collect)
		r.Post("/shop/orders/{id}/cancel", s.cancel)
	})
}

// whole shows a page that says so where modules are missing.
func (s *shop) whole(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.mall.Has(r.Context(), needs...) {
			s.site.Show(w, r, web.Page{Status: http.StatusNotFound, Name: "sorry", Title: "Not here", Data: sorry{
				Headline: "The storefront is not open here",
				Detail:   "It needs the modules stores, baskets and ordering, and not all of them run in this process. Start it with the URLs of all processes: mallbots console --ops=URL,URL",
			}})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// introduce tells the mall from where the visitor comes.
func introduce(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(web.WithCaller(r.Context(), web.Caller{Address: r.RemoteAddr, Authorization: r.Header.Get("Authorization")})))
	})
}

// with is the context of a request that says more.
func with(ctx context.Context, r *http.Request, key string, after ...string) context.Context {
	c := web.Caller{Address: r.RemoteAddr, Authorization: r.Header.Get("Authorization"), Key: key}
	for _, position := range after {
		if position != "" {
			c.After = append(c.After, position)
		}
	}
	return web.WithCaller(ctx, c)
}

type sorry struct{ Headline, Detail string }

// fail answers with what went wrong, in the words of the API.
func (s *shop) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, headline := http.StatusBadGateway, "The mall does not answer"
	var refusal *web.Refusal
	if errors.As(err, &refusal) {
		if refusal.Status == http.StatusUnauthorized && s.SignIn != "" {
			http.Redirect(w, r, s.SignIn, http.StatusSeeOther)
			return
		}
		status, headline = refusal.Status, "That did not work"
		if status == http.StatusNotFound {
			headline = "There is no such thing here"
		}
	}
	s.show(w, r, web.Page{Status: status, Name: "sorry", Title: headline, Data: sorry{headline, err.Error()}})
}

// show answers with a page that tells how full the basket is.
func (s *shop) show(w http.ResponseWriter, r *http.Request, page web.Page) {
	if b, err := s.basketOf(r); err == nil && b.units() > 0 {
		page.Badges = map[string]string{"/shop/basket": strconv.FormatInt(b.units(), 10)}
	}
	s.site.Show(w, r, page)
}

// The cookies. They name what the visitor may see anyway, and die with the
// browser's session.
const (
	customerCookie = "mall_customer"
	basketCookie   = "mall_basket"
)

// remembered is the id in a cookie, or nothing when it is none.
func remembered(r *http.Request, name string) string {
	cookie, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	id, err := uuid.Parse(cookie.Value)
	if err != nil {
		return ""
	}
	return id.String()
}

func remember(w http.ResponseWriter, r *http.Request, name, id string) {
	cookie := &http.Cookie{Name: name, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: web.OverTLS(r)}
	if id == "" {
		cookie.MaxAge = -1
	}
	http.SetCookie(w, cookie)
}

// segment is an id as a part of a path.
func segment(id string) string { return url.PathEscape(id) }
