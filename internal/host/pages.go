package host

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"mallbots/internal/console"
	"mallbots/internal/identity"
	"mallbots/internal/shop"
	"mallbots/internal/web"
)

// mountShop puts the storefront beside the API, which is all that it uses.
func (p *process) mountShop(r chi.Router) {
	web.MountFiles(r)
	shop.Mount(r, web.NewMall(web.Here(r, p.modules...)))
}

// mountConsole puts the console on the operations listener. It uses the verbs of
// that listener and the API, as it would those of another process.
func (p *process) mountConsole(r chi.Router) {
	r.Get("/process", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"modules": p.modules})
	})
	r.Handle("/api/*", asAdmin(http.HandlerFunc(p.api)))
	web.MountFiles(r)
	console.Mount(r, web.NewMall(web.Here(r, p.modules...)), console.Options{Stopping: p.stopping, Who: whoAsks})
}

// whoAsks is the name of whoever was made sure of, none where nobody was asked.
func whoAsks(r *http.Request) string {
	who, _ := identity.From(r.Context())
	return who.Subject
}

// asAdmin lets whoever may use the operations listener see the whole mall.
func asAdmin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who := identity.Principal{Subject: "operator", Roles: []identity.Role{identity.MallAdmin}}
		if sure, ok := identity.From(r.Context()); ok {
			who = sure
		}
		next.ServeHTTP(w, r.WithContext(identity.With(r.Context(), who)))
	})
}

// api answers as the API's listener does.
func (p *process) api(w http.ResponseWriter, r *http.Request) { (*p.handler.Load()).ServeHTTP(w, r) }
