package web

import (
	"embed"
	"io/fs"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"
)

//go:embed signin/templates
var signInTemplates embed.FS

// SignIn lets a person in a browser say who asks, as programs do with the header
// Authorization: a form takes an API key or a token once, and a cookie that no
// script can read and no other site can send brings it back.
type SignIn struct {
	Site   string                      // console or shop
	Path   string                      // of the form
	Home   string                      // where to go then, and below which the cookie counts
	Cookie string                      // its name
	Whose  string                      // whose keys will do, in words
	Check  func(r *http.Request) error // makes sure of who asks, by the header
}

// Carry makes the cookie the header Authorization, unless there is one.
func (s SignIn) Carry(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cookie, err := r.Cookie(s.Cookie)
		if err == nil && r.Header.Get("Authorization") == "" {
			r = withToken(r, cookie.Value)
		}
		next.ServeHTTP(w, r)
	})
}

// withToken is a request whose caller says who they are.
func withToken(r *http.Request, token string) *http.Request {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

// Mount serves the form.
func (s SignIn) Mount(r chi.Router) {
	sub, err := fs.Sub(signInTemplates, "signin")
	if err != nil {
		panic(err) // the folder is embedded
	}
	site := NewSite(s.Site, sub, Link{Name: "Sign in", Path: s.Path})
	form := func(w http.ResponseWriter, r *http.Request, status int, trouble string) {
		site.Show(w, r, Page{Status: status, Name: "signin", Title: "Sign in", Data: map[string]string{"Trouble": trouble, "Whose": s.Whose}})
	}
	r.Group(func(r chi.Router) {
		r.Use(Protect)
		r.Get(s.Path, func(w http.ResponseWriter, r *http.Request) { form(w, r, http.StatusOK, "") })
		r.Post(s.Path, func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
			token := strings.TrimSpace(r.PostFormValue("token"))
			if !fitForCookie(token) {
				form(w, r, http.StatusBadRequest, "That is no API key and no token.")
				return
			}
			if err := s.Check(withToken(r, token)); err != nil {
				form(w, r, http.StatusForbidden, err.Error())
				return
			}
			http.SetCookie(w, &http.Cookie{
				Name: s.Cookie, Value: token, Path: s.Home, HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: OverTLS(r),
			})
			http.Redirect(w, r, s.Home, http.StatusSeeOther)
		})
	})
}

// fitForCookie reports whether a token has only what keys and tokens have.
func fitForCookie(token string) bool {
	return token != "" && len(token) <= 4000 && !strings.ContainsFunc(token, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-_.=+/~", c))
	})
}
